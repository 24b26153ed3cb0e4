"""Owns the Bolt app: how a delivery is dispatched, and what is answered when nothing else is.

One rule matters most: a listener runs *before* its delivery is acknowledged, so an event that did
not become durable is delivered again. And nothing goes unanswered: Slack repeats what it gets a 404
for, and shows people a warning sign.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import aiohttp
from pydantic import ValidationError
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from agent.client import SessionClient
from bot import answers, listeners
from bot.identity import Ourselves
from bot.people import People
from bot.settings import Settings

log = logging.getLogger(__name__)

EVENT_SECONDS = 2.7
"""An event that takes longer goes unacknowledged, and comes again; Slack waits 3 s."""


def slack_client(settings: Settings, http: aiohttp.ClientSession) -> AsyncWebClient:
    """A client that never retries by itself: a repeated post would be a second message."""
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=http,
        retry_handlers=[],
    )


def build_app(
    settings: Settings,
    sessions: SessionClient,
    http: aiohttp.ClientSession,
    ourselves: Ourselves | None = None,
    people: People | None = None,
) -> AsyncApp:
    """The app with every listener. `http` stays the caller's to close."""
    us = ourselves or Ourselves(slack_client(settings, http))
    client = slack_client(settings, http)
    client.token = None  # with one, Bolt asks auth.test in its own way

    async def authorize(context: AsyncBoltContext) -> AuthorizeResult:
        identity = await us.identity()
        context["identity"] = identity
        return AuthorizeResult(
            enterprise_id=identity.enterprise_id or None,
            team_id=identity.team_id,
            bot_id=identity.bot_id,
            bot_user_id=identity.user_id,
            bot_token=settings.slack_bot_token.get_secret_value(),
        )

    app = AsyncApp(
        client=client,
        authorize=authorize,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        request_verification_enabled=False,  # `http_mode.py` does, a socket is authenticated
        logger=_bolt_log(),
    )
    listeners.register(app, sessions, people or People(settings.admitted), us, settings.aside)
    app.error(on_error)
    return app


async def dispatch(
    app: AsyncApp,
    body: str | dict[str, Any],
    headers: Mapping[str, str | Sequence[str]] | None,
    mode: Literal["http", "socket_mode"],
) -> BoltResponse:
    """Answer one delivery, whatever it holds. Status 200 acknowledges it."""
    try:
        request = AsyncBoltRequest(body=body, headers=dict(headers or {}), mode=mode)
        if request.body.get("type") != "event_callback":
            return await app.async_dispatch(request)
        async with asyncio.timeout(EVENT_SECONDS):
            return await app.async_dispatch(request)
    except TimeoutError:
        log.error("an event took too long; Slack will deliver it again")
        return BoltResponse(status=500)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        # Bolt could not read it, and what a listener raises ends in `on_error`. Repeating would not
        # make it readable: taken, and dropped.
        log.error("a delivery of Slack has a shape nobody knows: %s", type(error).__name__)
        return BoltResponse(status=200)


def _bolt_log() -> logging.Logger:
    """At INFO Bolt logs bodies of what people wrote."""
    bolt = logging.getLogger("bot.bolt")
    bolt.setLevel(logging.WARNING)
    bolt.addFilter(_is_news)
    return bolt


def _is_news(record: logging.LogRecord) -> bool:
    """Bolt finds SLACK_BOT_TOKEN in the environment by itself, then complains about it."""
    return "`token` will be unused" not in record.getMessage()


async def on_error(
    error: Exception, body: dict[str, Any], context: AsyncBoltContext
) -> BoltResponse:
    """Events are left unacknowledged, so Slack repeats them; a person is told to try again.

    Comes here too: what no listener wants.
    """
    kind = answers.kind_of(body)
    if isinstance(error, BoltUnhandledRequestError):
        log.info("nothing to do for a %s", kind)
        return await answers.tell(body, context, answers.UNKNOWN) or BoltResponse(status=200)
    # pydantic quotes what it could not read: words of people
    why = f"{error.title} is wrong" if isinstance(error, ValidationError) else error
    log.error("a %s could not be handled: %s: %s", kind, type(error).__name__, why)
    if kind == "event_callback":
        return BoltResponse(status=500)
    return await answers.tell(body, context, answers.TRY_AGAIN) or BoltResponse(status=500)
