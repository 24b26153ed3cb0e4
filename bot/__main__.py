"""Owns the bot's process: Slack's socket and the durable poster in one event loop.

`GET /health` on the endpoint's port is ok while the socket is connected.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable

import aiohttp
from slack_sdk.errors import SlackApiError

from agent.client import SessionClient
from agent.endpoint import (
    Durable,
    EndpointError,
    begin_logging,
    leave,
    register,
    serve,
    stop_on_signals,
)
from bot.app import build_app, slack_client
from bot.settings import Settings, SettingsError, current
from bot.slack_api import SlackApi
from bot.socket_mode import Socket
from bot.thread import build_thread
from bot.upload import build_upload
from bot.workspace import workspace

log = logging.getLogger(__name__)

POSTER_TIMEOUT = aiohttp.ClientTimeout(total=10)
LISTENER_TIMEOUT = aiohttp.ClientTimeout(total=2.5)
"""Below the 3 s within which Slack wants its acknowledgement."""


class SlackRefused(Exception):
    """Slack does not accept a token; one sentence naming the variable."""


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises EndpointError or SlackRefused when it cannot go on."""
    stop = stop_on_signals()
    sessions = SessionClient(settings.restate_ingress_url, _auth_token(settings))
    async with (
        aiohttp.ClientSession(timeout=LISTENER_TIMEOUT) as quick,
        aiohttp.ClientSession(timeout=POSTER_TIMEOUT) as patient,
    ):
        await check_tokens(settings, patient)
        socket = Socket(
            build_app(settings, sessions, quick), settings.slack_app_token.get_secret_value()
        )
        api = SlackApi(slack_client(settings, patient))
        services: list[Durable] = [build_thread(api), workspace, build_upload(api)]
        try:
            await _serve_until(stop, settings, services, socket)
        finally:
            await sessions.aclose()


async def _serve_until(
    stop: asyncio.Event,
    settings: Settings,
    services: list[Durable],
    socket: Socket,
) -> None:
    """Serve the poster, then open the socket; in the end close the socket first."""
    endpoint_stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(
            services,
            bind=settings.bind,
            stop=endpoint_stop,
            ready=lambda: socket.connected,
            identity_keys=settings.identity_keys,
        )
    )
    starting = asyncio.create_task(_start(settings, socket))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and not serving.done():
            starting.result()
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        starting.cancel()
        stopping.cancel()
        await socket.close()
        endpoint_stop.set()
        await serving


async def _start(settings: Settings, socket: Socket) -> None:
    await register(
        settings.restate_admin_url, settings.endpoint_url, auth_token=_auth_token(settings)
    )
    await socket.connect()
    log.info("connected to Slack; the poster is served at %s", settings.bind)


async def check_tokens(settings: Settings, http: aiohttp.ClientSession) -> None:
    """The socket client would retry a refused token for ever; say it once instead."""
    client = slack_client(settings, http)
    app_token = settings.slack_app_token.get_secret_value()
    await _accepted("SLACK_BOT_TOKEN", settings, client.auth_test())
    await _accepted("SLACK_APP_TOKEN", settings, client.apps_connections_open(app_token=app_token))


async def _accepted(variable: str, settings: Settings, call: Awaitable[object]) -> None:
    try:
        await call
    except SlackApiError as error:
        reason = error.response.get("error")
        raise SlackRefused(f"Slack refused {variable}: {reason}.") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SlackRefused(
            f"Slack is not reachable at SLACK_API_URL={settings.slack_api_url} "
            f"({type(error).__name__}): start it, or correct the address."
        ) from error


def _auth_token(settings: Settings) -> str | None:
    token = settings.restate_auth_token
    return token.get_secret_value() if token else None


def main() -> None:
    begin_logging()
    status = 0
    try:
        asyncio.run(run(current()))
    except (SettingsError, EndpointError, SlackRefused) as error:
        sys.stderr.write(f"threadwright-bot: {error}\n")
        status = 2
    leave(status)


if __name__ == "__main__":
    main()
