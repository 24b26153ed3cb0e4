"""Owns the connection Slack's events come in by, and closing it without losing one.

A delivery is acknowledged after it is durable. One that arrives while we close is left alone, so
Slack delivers it again, to another process or to the next one.
"""

import asyncio
import time

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.app import dispatch
from bot.gate import Gate


class Socket:
    """Must be made inside the running loop."""

    def __init__(self, app: AsyncApp, app_token: str, ping_seconds: float = 10.0) -> None:
        self._app = app
        self._handler = AsyncSocketModeHandler(app, app_token, ping_interval=ping_seconds)
        self._handler.client.socket_mode_request_listeners[:] = [self._take]
        self._gate = Gate()
        self._renewing: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        client = self._handler.client
        session = client.current_session
        up = session is not None and not session.closed
        return up and not (self._gate.closing or client.closed or client.stale)

    async def connect(self) -> None:
        """Keeps trying; from then on the connection renews itself."""
        self._renewing = asyncio.create_task(self._renew_address())
        await self._handler.client.connect()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Take nothing more, let what is running finish and be acknowledged, then hang up."""
        await self._gate.close()
        if self._renewing is not None:
            self._renewing.cancel()
        await self._handler.client.close()  # type: ignore[no-untyped-call]

    async def _renew_address(self) -> None:
        """An address of Slack's is good for one connection. The SDK tries a used one again, for
        ever, when connecting to it failed; without it, it asks for a new one."""
        client = self._handler.client
        while True:
            tried = client.wss_uri
            await asyncio.sleep(client.ping_interval)  # as long as the SDK waits between tries
            if not self.connected and client.wss_uri == tried:
                client.wss_uri = None

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        if self._gate.closing:
            return
        with self._gate.passing():
            began = time.time()
            answer = await dispatch(
                self._app, request.payload, build_headers(request), "socket_mode"
            )
            await send_async_response(client, request, answer, began)
