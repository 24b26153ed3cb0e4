"""The cloud on one machine: a Slack workspace with a web page, a scripted model, a double of
GitHub, the real Restate server.

`cloud.py` puts it together, `__main__.py` starts it for a person, `play.py` plays a conversation
through it. Nobody imports this package but tests.
"""
