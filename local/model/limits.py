"""Owns what a provider allows: so many calls at once, so many in a minute; beyond it 429, as OpenAI
says it."""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from local.model.refusal import Refusal

BUSY_SECONDS = 1.0
"""What Retry-After says when too many calls are under way: nobody knows when they end."""


class Limits:
    """Args: `minute` in seconds; in tests it is shorter."""

    def __init__(
        self, at_once: int | None = None, per_minute: int | None = None, minute: float = 60.0
    ) -> None:
        self.under_way = 0
        self.most_at_once = 0
        self.served = 0
        self.refused = 0
        self._at_once = at_once
        self._per_minute = per_minute
        self._minute = minute
        self._began: deque[float] = deque()

    @contextmanager
    def call(self) -> Iterator[None]:
        """For as long as a call is answered. Raises Refusal."""
        self._check_rate()
        if self._at_once is not None and self.under_way >= self._at_once:
            self._refuse("concurrent requests", self._at_once, BUSY_SECONDS)
        self.served += 1
        self._began.append(time.monotonic())
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            yield
        finally:
            self.under_way -= 1

    def _check_rate(self) -> None:
        now = time.monotonic()
        while self._began and self._began[0] <= now - self._minute:
            self._began.popleft()
        if self._per_minute is not None and len(self._began) >= self._per_minute:
            after = self._began[-self._per_minute] + self._minute - now
            self._refuse("requests per min (RPM)", self._per_minute, after)

    def _refuse(self, what: str, limit: int, after: float) -> None:
        self.refused += 1
        milliseconds = max(1, round(after * 1000))
        message = (
            f"Rate limit reached on {what}: Limit {limit}, Used {limit}, Requested 1. "
            f"Please try again in {milliseconds}ms."
        )
        headers = {
            "retry-after-ms": str(milliseconds),
            "retry-after": str(-(-milliseconds // 1000)),
            "x-ratelimit-limit-requests": str(limit),
            "x-ratelimit-remaining-requests": "0",
        }
        raise Refusal(message, 429, "requests", "rate_limit_exceeded", headers=headers)
