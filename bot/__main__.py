"""Owns the bot's process: Slack's way in and the durable poster in one event loop.

`python -m bot` runs it; `python -m bot manifest [--url https://…]` prints the Slack app's manifest.
`GET /health` on the endpoint's port is ok while Slack can reach us and we are installed.
"""

import argparse
import asyncio
import logging
import secrets
import sys
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Protocol, TypeVar

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from agent.client import IngressError, SessionClient
from agent.deployment import Deployment
from agent.endpoint import (
    Asgi,
    Durable,
    EndpointError,
    begin_logging,
    leave,
    serve,
    stop_on_signals,
)
from agent.protocol import THREAD, Nothing
from bot.app import build_app, slack_client
from bot.files import PREFIX, AttachedFiles
from bot.http_mode import HttpDoor
from bot.identity import Identity, Ourselves, Unidentified
from bot.manifest import ManifestError, manifest
from bot.people import People
from bot.reader import build_reader
from bot.replies import refusal
from bot.settings import Settings, SettingsError, current
from bot.slack_api import SlackApi
from bot.socket_mode import Socket
from bot.thread import build_thread
from bot.upload import build_upload
from bot.workspace import ARRIVE, build_workspace

log = logging.getLogger(__name__)

POSTER_TIMEOUT = aiohttp.ClientTimeout(total=10)
ARRIVE_SECONDS = 20.0
ASK_AGAIN_SECONDS = 0.5
LISTENER_TIMEOUT = aiohttp.ClientTimeout(total=2.5)
"""Below the 3 s within which Slack wants its acknowledgement."""


T = TypeVar("T")


class SlackRefused(Exception):
    """Slack does not accept a token; one sentence naming the variable."""


class Door(Protocol):
    """A way in for Slack: a socket, or its requests."""

    @property
    def connected(self) -> bool: ...

    async def connect(self) -> None: ...

    async def close(self) -> None: ...


async def run(settings: Settings) -> None:
    """Until SIGTERM or SIGINT. Raises EndpointError or SlackRefused when it cannot go on."""
    stop = stop_on_signals()
    sessions = SessionClient(settings.restate_ingress_url, _auth_token(settings))
    async with (
        aiohttp.ClientSession(timeout=LISTENER_TIMEOUT) as quick,
        aiohttp.ClientSession(timeout=POSTER_TIMEOUT) as patient,
    ):
        client = slack_client(settings, patient)
        ourselves = Ourselves(client)
        identity = await check_tokens(settings, ourselves)
        people = People(settings.admitted)
        door = _door(settings, build_app(settings, sessions, quick, ourselves, people), ourselves)
        api = SlackApi(client)
        files = AttachedFiles(settings, client, patient)
        services: list[Durable] = [
            build_thread(api, stream_answers=settings.stream_answers == "on"),
            build_workspace(settings.slack_pace),
            build_upload(api),
            build_reader(ourselves, people, settings.aside),
            files.service(),
        ]
        pages = {PREFIX: files.page()}
        work = _work(settings, sessions, identity, door)
        try:
            await _serve_until(stop, settings, services, pages, door, ourselves, work)
        finally:
            await sessions.aclose()


def _door(settings: Settings, app: AsyncApp, ourselves: Ourselves) -> Door:
    if settings.slack_app_token is not None:
        return Socket(app, settings.slack_app_token.get_secret_value())
    assert settings.slack_signing_secret is not None
    secret = settings.slack_signing_secret.get_secret_value()
    return HttpDoor(app, secret, settings.slack_bind, lambda: not ourselves.departed)


async def _serve_until(
    stop: asyncio.Event,
    settings: Settings,
    services: list[Durable],
    pages: Mapping[str, Asgi],
    door: Door,
    ourselves: Ourselves,
    work: Coroutine[object, object, None],
) -> None:
    """Serve the poster, then open the door; in the end close the door first."""
    endpoint_stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(
            services,
            bind=settings.bind,
            stop=endpoint_stop,
            ready=lambda: door.connected and not ourselves.departed,
            identity_keys=settings.identity_keys,
            pages=pages,
        )
    )
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done() and not serving.done():
            working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await door.close()
        endpoint_stop.set()
        await serving


async def _work(
    settings: Settings, sessions: SessionClient, identity: Identity, door: Door
) -> None:
    """Register, open the door, and look after the registration from then on."""
    deployment = Deployment(
        settings.restate_admin_url, settings.endpoint_url, THREAD, _auth_token(settings)
    )
    await deployment.register()
    await _arrive(sessions, identity.team)
    await door.connect()
    log.info("connected to Slack; the poster is served at %s", settings.bind)
    await deployment.keep()


async def _arrive(sessions: SessionClient, team: str) -> None:
    """Our token works: if the workspace was left, it is shown things again."""
    effect = f"arrive:{team}:{secrets.token_hex(8)}"
    deadline = asyncio.get_running_loop().time() + ARRIVE_SECONDS
    while True:  # what was registered just now may take the engine a moment to call
        try:
            await sessions.send(ARRIVE, team, Nothing(), key_of_effect=effect)
        except IngressError as error:
            if asyncio.get_running_loop().time() > deadline:
                raise EndpointError(str(error)) from error
            await asyncio.sleep(0.1)
        else:
            return


async def check_tokens(settings: Settings, ourselves: Ourselves) -> Identity:
    """The socket client would retry a refused token for ever; say it once instead."""
    identity = await _accepted("SLACK_BOT_TOKEN", settings, ourselves.identity)
    if settings.slack_app_token is not None:
        app_token = settings.slack_app_token.get_secret_value()
        opening = partial(ourselves.client.apps_connections_open, app_token=app_token)
        await _accepted("SLACK_APP_TOKEN", settings, opening)
    return identity


async def _accepted(
    variable: str, settings: Settings, call: Callable[[], Coroutine[object, object, T]]
) -> T:
    """Wait for a yes. Only a no is a refusal; a busy or failing Slack is asked again."""
    told = False
    while True:
        try:
            return await call()
        except (SlackApiError, Unidentified) as error:
            cause = error if isinstance(error, SlackApiError) else error.__cause__
            if not isinstance(cause, SlackApiError):
                raise _unreachable(settings, cause) from error
            reply = refusal(cause)
            if reply.kind == "refused":
                raise SlackRefused(f"Slack refused {variable}: {reply.error}.") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _unreachable(settings, error) from error
        if not told:
            log.warning("Slack does not answer yet (%s): asking again", reply.error)
            told = True
        await asyncio.sleep(reply.retry_after or ASK_AGAIN_SECONDS)


def _unreachable(settings: Settings, error: BaseException | None) -> SlackRefused:
    return SlackRefused(
        f"Slack is not reachable at SLACK_API_URL={settings.slack_api_url} "
        f"({type(error).__name__}): start it, or correct the address."
    )


def _auth_token(settings: Settings) -> str | None:
    token = settings.restate_auth_token
    return token.get_secret_value() if token else None


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Threadwright in Slack.")
    commands = parser.add_subparsers(dest="command")
    printing = commands.add_parser("manifest", help="print the Slack app's manifest")
    printing.add_argument("--url", default="", help="for HTTP mode: where Slack reaches us")
    given = parser.parse_args()
    if given.command != "manifest":
        begin_logging()
    status = 0
    try:
        if given.command == "manifest":
            sys.stdout.write(manifest(given.url))
        else:
            asyncio.run(run(current()))
    except (SettingsError, EndpointError, SlackRefused, ManifestError) as error:
        sys.stderr.write(f"threadwright-bot: {error}\n")
        status = 2
    leave(status)


if __name__ == "__main__":
    main()
