"""Owns ending without losing a delivery: take nothing more, let what is running be answered."""

import asyncio
import contextlib
from collections.abc import Iterator

GRACE_SECONDS = 2.9
"""As long as Slack waits for an answer."""


class Gate:
    """Must be made inside the running loop."""

    def __init__(self) -> None:
        self.closing = False
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        """Around the work on one delivery; ask `closing` first."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if self._running == 0:
                self._idle.set()

    async def close(self) -> None:
        """Returns once nothing is running any more, or the grace is over."""
        self.closing = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), GRACE_SECONDS)
