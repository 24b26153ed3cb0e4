"""Owns putting the Bolt app together. One rule matters most: a listener runs *before* its delivery
is acknowledged, so an event that did not become durable is delivered again.
"""

import json
import logging
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from agent.client import SessionClient
from bot import listeners
from bot.listeners.telling import privately
from bot.settings import Settings
from bot.views.picker import BLOCK_ID

log = logging.getLogger(__name__)

TRY_AGAIN = "I could not record that just now. Please try again in a moment."


def slack_client(settings: Settings, http: aiohttp.ClientSession) -> AsyncWebClient:
    """A client that never retries by itself: a repeated post would be a second message."""
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=http,
        retry_handlers=[],
    )


def build_app(settings: Settings, sessions: SessionClient, http: aiohttp.ClientSession) -> AsyncApp:
    """The app with every listener. `http` stays the caller's to close."""
    app = AsyncApp(
        client=slack_client(settings, http), process_before_response=True, logger=_bolt_log()
    )
    listeners.register(app, sessions)
    app.error(on_error)
    return app


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
) -> BoltResponse | None:
    """Events are left unacknowledged, so Slack repeats them; a person is told to try again."""
    kind = str(body.get("type") or ("command" if "command" in body else ""))
    log.error("a %s could not be handled: %s: %s", kind, type(error).__name__, error)
    if kind == "event_callback":
        return None
    if kind == "view_submission":
        answer = {"response_action": "errors", "errors": {BLOCK_ID: TRY_AGAIN}}
        return BoltResponse(
            status=200, body=json.dumps(answer), headers={"content-type": "application/json"}
        )
    told = (
        context.channel_id is not None
        and context.user_id is not None
        and await privately(context, context.channel_id, context.user_id, TRY_AGAIN)
    )
    return BoltResponse(status=200) if told else None
