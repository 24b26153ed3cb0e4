"""Owns how often and how fast what the bot is asked for durably is tried again: soon, so that a bot
that was away is not noticed for long; in the end it is paused, and an operator resumes it."""

from datetime import timedelta

from restate import InvocationRetryPolicy

PROMPT = InvocationRetryPolicy(
    initial_interval=timedelta(milliseconds=50),
    exponentiation_factor=1.1,
    max_interval=timedelta(seconds=10),
    max_attempts=240,
    on_max_attempts="pause",
)
