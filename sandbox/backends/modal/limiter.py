"""Owns how often this process creates sandboxes: Modal refuses more than five a second."""

import asyncio
import time

PER_SECOND = 4.0


class Limiter:
    """Hands out places in line; who holds one waits until it is due."""

    def __init__(self, per_second: float = PER_SECOND) -> None:
        self._interval = 1.0 / per_second
        self._next = 0.0

    async def turn(self) -> None:
        now = time.monotonic()
        due = max(self._next, now)
        self._next = due + self._interval
        await asyncio.sleep(due - now)
