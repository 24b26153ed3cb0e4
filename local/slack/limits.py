"""Owns how patient Slack is; tests make it less so."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    ack_seconds: float = 3.0
    retry_delays: tuple[float, ...] = (0.0, 1.0, 5.0)
    """Pauses before the three retries. Slack's are 0, 1 and 5 minutes; here minutes are seconds."""

    trigger_seconds: float = 3.0
    response_url_seconds: float = 1800.0
    response_url_uses: int = 5
    stream_seconds: float = 300.0
    """How long a message may be streamed in all; after that Slack ends it."""

    rate_pace: float = 0.0
    """Rate limits: 0 for none, 1 for Slack's own, 10 for ten times as much in the same time."""
