"""Owns how long a handler may work, and names how it is tried again."""

from datetime import timedelta

from sandbox.retries import PROMPT

__all__ = ["LONG_STEP", "PROMPT"]

LONG_STEP = timedelta(minutes=30)
"""Inactivity limit of handlers with long effects: an interrupt must still reach them meanwhile."""
