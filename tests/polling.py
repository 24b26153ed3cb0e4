"""Waiting for a condition, with a deadline; never a bare sleep."""

import asyncio
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = 90) -> None:
    """Return once it holds. Raises TimeoutError, at the line that waited."""
    async with asyncio.timeout(seconds):
        while True:
            now = holds()
            if await now if isinstance(now, Awaitable) else now:
                return
            await asyncio.sleep(0.01)
