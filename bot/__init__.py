"""Slack in, Slack out: listeners that only translate, pure views, and the poster object.

Read `app.py`, then `listeners/`, `thread.py` (the poster) and `views/`.
"""
