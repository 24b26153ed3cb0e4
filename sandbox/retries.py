"""Owns how often and how fast durable work is tried again.

The first retry comes after 50 ms, and each next one waits a tenth of the time that has passed: work
whose process was killed goes on as soon as there is one again, however long that took to start. A
handler that keeps failing is paused after half an hour, never dropped, and an operator resumes it.
"""

from datetime import timedelta

from restate import InvocationRetryPolicy

PROMPT = InvocationRetryPolicy(
    initial_interval=timedelta(milliseconds=50),
    exponentiation_factor=1.1,
    max_interval=timedelta(seconds=10),
    max_attempts=240,
    on_max_attempts="pause",
)
