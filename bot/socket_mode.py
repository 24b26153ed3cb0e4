"""Owns the connection Slack's events come in by, and closing it without losing one.

A delivery is acknowledged after it is durable. One that arrives while we close is left alone, so
Slack delivers it again, to another process or to the next one.
"""

import asyncio
import contextlib

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

GRACE_SECONDS = 2.5


class Socket:
    """Must be made inside the running loop."""

    def __init__(self, app: AsyncApp, app_token: str) -> None:
        self._handler = AsyncSocketModeHandler(app, app_token)
        self._handler.client.socket_mode_request_listeners[:] = [self._take]
        self._closing = False
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def connected(self) -> bool:
        client = self._handler.client
        session = client.current_session
        up = session is not None and not session.closed
        return up and not (self._closing or client.closed or client.stale)

    async def connect(self) -> None:
        """Keeps trying; from then on the connection renews itself."""
        await self._handler.client.connect()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Take nothing more, let what is running finish and be acknowledged, then hang up."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), GRACE_SECONDS)
        await self._handler.client.close()  # type: ignore[no-untyped-call]

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        if self._closing:
            return
        self._running += 1
        self._idle.clear()
        try:
            await self._handler.handle(client, request)  # type: ignore[arg-type]  # SDK's own way
        finally:
            self._running -= 1
            if self._running == 0:
                self._idle.set()
