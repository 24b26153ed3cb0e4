"""Owns the news for people: what changed, sent to the pages that show it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from local.slack.state import Json

_HEARTBEAT_SECONDS = 15.0
_END = None


@dataclass(eq=False)
class _Listener:
    user: str
    queue: asyncio.Queue[Json | None] = field(default_factory=asyncio.Queue)


class Feed:
    """Who listens, and what they are told."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()

    def publish(self, news_for: Callable[[str], Json | None]) -> None:
        """Tell everybody who listens `news_for(user_id)`; None is nothing."""
        for listener in self._listeners:
            news = news_for(listener.user)
            if news is not None:
                listener.queue.put_nowait(news)

    def tell(self, user: str, news: Json) -> None:
        self.publish(lambda one: news if one == user else None)

    async def stream(self, request: web.Request, user: str) -> web.StreamResponse:
        """Serve one page until it leaves or the server ends."""
        response = web.StreamResponse(
            headers={"content-type": "text/event-stream", "cache-control": "no-cache"}
        )
        listener = _Listener(user)
        self._listeners.add(listener)
        try:
            await response.prepare(request)
            await response.write(b": connected\n\n")
            await self._pump(listener, response)
        except ConnectionResetError:
            pass  # the page was closed: nothing left to tell it
        finally:
            self._listeners.discard(listener)
        return response

    async def _pump(self, listener: _Listener, response: web.StreamResponse) -> None:
        while True:
            try:
                async with asyncio.timeout(_HEARTBEAT_SECONDS):
                    news = await listener.queue.get()
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if news is _END:
                return
            await response.write(f"data: {json.dumps(news)}\n\n".encode())

    def close(self) -> None:
        """End every stream, so that no open page holds up a shutdown."""
        for listener in self._listeners:
            listener.queue.put_nowait(_END)
