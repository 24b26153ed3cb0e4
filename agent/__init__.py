"""Decides and does: the durable session, its tasks, planning, the step loop, tools and policy.

Read in this order: `protocol/`, `session.py`, `task.py`, `planning.py`, `steps.py`, `loop.py`,
`tools/`; AGENTS.md names what stands between. Slack is unknown here: what people should see leaves
as events (`events.py`).
"""
