"""Where code runs. Knows nothing of agents or Slack; imports nothing of ours.

Read `protocol.py` first (the words), then `client.py` (what tools hold), `object.py` (the life
cycle) and `backends/` (the machines).
"""
