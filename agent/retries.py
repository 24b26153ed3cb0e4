"""Owns how often and how fast durable work is tried again.

The first retry comes after 50 ms and the next ones little later, so that a process that was
restarted goes on within a second; a handler that keeps failing is paused, never dropped, and an
operator resumes it.
"""

from datetime import timedelta

from restate import InvocationRetryPolicy

PROMPT = InvocationRetryPolicy(
    initial_interval=timedelta(milliseconds=50),
    exponentiation_factor=1.15,
    max_interval=timedelta(seconds=10),
    max_attempts=220,
    on_max_attempts="pause",
)

LONG_STEP = timedelta(minutes=30)
"""Inactivity limit of handlers with long effects: an interrupt must still reach them meanwhile."""
