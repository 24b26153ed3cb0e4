"""Owns Slack's requests over HTTP: who sent them is checked, then they go where a socket's go.

For an app without a socket. Bind it to loopback, behind a proxy that ends TLS. Bodies are bounded
and never logged; while we close, Slack is told to come again.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from agent.endpoint import EndpointError, host_and_port
from bot.app import dispatch
from bot.gate import Gate

log = logging.getLogger(__name__)

EVENTS_PATH = "/slack/events"
MOST_BODY_BYTES = 2**22
"""An edit of 40,000 characters holds them four times, each escaped into as many as 12 bytes."""
MOST_READ_SECONDS = 3.0


class HttpDoor:
    """Must be made inside the running loop.

    Args:
        bind: `host:port`.
        ready: whether `/health` may be ok while requests are served.
    """

    def __init__(
        self,
        app: AsyncApp,
        signing_secret: str,
        bind: str,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self._app = app
        self._verifier = SignatureVerifier(signing_secret)
        self._bind = bind
        self._ready = ready
        self._gate = Gate()
        self._runner: web.AppRunner | None = None

    @property
    def connected(self) -> bool:
        return self._runner is not None and not self._gate.closing

    async def connect(self) -> None:
        """Serve. Raises EndpointError when the port is taken or not ours to bind."""
        host, port = host_and_port(self._bind, "THREADWRIGHT_SLACK_BIND")
        served = web.Application(client_max_size=MOST_BODY_BYTES)
        served.router.add_post(EVENTS_PATH, self._take)
        served.router.add_get("/health", self._health)
        runner = web.AppRunner(served, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            await runner.cleanup()
            raise EndpointError(
                f"THREADWRIGHT_SLACK_BIND={self._bind} is not free ({error.strerror}): "
                "end what listens there or choose another address."
            ) from error
        self._runner = runner

    async def close(self) -> None:
        """Turn new requests away, let what is running finish and be answered, then hang up."""
        await self._gate.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        if self.connected and self._ready():
            return web.Response(text="ok\n")
        return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="not ready\n")

    async def _take(self, request: web.Request) -> web.Response:
        if self._gate.closing:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        with self._gate.passing():
            try:
                async with asyncio.timeout(MOST_READ_SECONDS):
                    body = await request.read()
            except TimeoutError:
                return web.Response(status=HTTPStatus.REQUEST_TIMEOUT)
            if not self._is_slack(request, body):
                log.warning("a request to %s was not signed by Slack", EVENTS_PATH)
                return web.Response(status=HTTPStatus.UNAUTHORIZED)
            answer = await dispatch(self._app, body.decode(), dict(request.headers), "http")
            return await to_aiohttp_response(answer)

    def _is_slack(self, request: web.Request, body: bytes) -> bool:
        """Signed with our secret within the last five minutes."""
        try:
            return self._verifier.is_valid(
                body,
                request.headers.get("x-slack-request-timestamp"),
                request.headers.get("x-slack-signature"),
            )
        except (OverflowError, TypeError, ValueError):  # a timestamp or signature that is none
            return False
