"""Owns opening a modal in time: Slack takes a trigger for three seconds, and no longer waits for
the delivery's ack. Whoever asked sees an answer within them, or at once that we are looking.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aiohttp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from agent.client import IngressError
from bot.answers import TRY_AGAIN
from bot.people import client_of
from bot.views import modals
from bot.views.blocks import Block, Rendered

log = logging.getLogger(__name__)

Answer = Rendered | Block
"""What comes of a request: a text to tell, or a modal to show."""

PATIENCE_SECONDS = 0.8
"""An answer that takes longer finds a modal open that says we are looking."""
MOST_SECONDS = 2.2
"""An answer that takes longer is given up, so that the delivery is acknowledged in time."""


async def in_time(
    context: AsyncBoltContext, trigger_id: str, answering: Coroutine[Any, Any, Answer]
) -> Rendered | None:
    """Show the answer as a modal; a text that comes at once is returned for the caller to tell.

    What fails at once is raised, and told like all else that fails (`bot/answers.py`).
    """
    return await _shown(client_of(context), trigger_id, answering, client_of(context).views_open)


async def as_modal(
    context: AsyncBoltContext,
    trigger_id: str,
    answering: Coroutine[Any, Any, Answer],
    *,
    on_top: bool = False,
) -> None:
    """The same where no channel is at hand: a text is shown as a modal too.

    Args:
        on_top: the trigger came from a modal, which stays open below.
    """
    client = client_of(context)
    show = client.views_push if on_top else client.views_open
    told = await _shown(client, trigger_id, answering, show)
    if told is not None:
        await show(trigger_id=trigger_id, view=modals.telling(told))


async def _shown(
    client: AsyncWebClient,
    trigger_id: str,
    answering: Coroutine[Any, Any, Answer],
    show: Callable[..., Awaitable[AsyncSlackResponse]],
) -> Rendered | None:
    looking = asyncio.ensure_future(answering)
    try:
        await asyncio.wait({looking}, timeout=PATIENCE_SECONDS)
        if not looking.done():
            opened = await show(trigger_id=trigger_id, view=modals.notice(modals.LOOKING))
            view = await _in_the_end(looking)
            await client.views_update(view_id=str(opened["view"]["id"]), view=view)
        elif isinstance(answer := looking.result(), Rendered):
            return answer
        else:
            await show(trigger_id=trigger_id, view=answer)
    finally:
        looking.cancel()
    return None


async def _in_the_end(looking: asyncio.Future[Answer]) -> Block:
    """What takes the place of the modal that says we are looking."""
    try:
        answer = await asyncio.wait_for(looking, MOST_SECONDS - PATIENCE_SECONDS)
    except (TimeoutError, IngressError, SlackApiError, aiohttp.ClientError) as error:
        log.warning("a request could not be answered: %s: %s", type(error).__name__, error)
        return modals.notice(TRY_AGAIN)
    return modals.telling(answer) if isinstance(answer, Rendered) else answer
