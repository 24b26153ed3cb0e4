"""Owns what is said to one person alone, in passing. Nothing durable depends on it.

Such a message may be lost (Slack forgets it on a reload), so failing to send one never fails the
delivery it answers.
"""

import logging

import aiohttp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError

from bot.people import client_of
from bot.views.blocks import Rendered

log = logging.getLogger(__name__)


async def privately(
    context: AsyncBoltContext,
    channel: str,
    user_id: str,
    message: str | Rendered,
    root_ts: str | None = None,
) -> bool:
    """Tell `user_id` something only they see; `message` is escaped mrkdwn. False when it failed."""
    rendered = Rendered(text=message) if isinstance(message, str) else message
    try:
        await client_of(context).chat_postEphemeral(
            channel=channel,
            user=user_id,
            thread_ts=root_ts,
            text=rendered.text,
            blocks=rendered.blocks or None,
        )
    except SlackApiError as error:
        log.info("could not tell one person something: %s", error.response.get("error"))
        return False
    except (aiohttp.ClientError, TimeoutError) as error:
        log.info("could not tell one person something: %s", type(error).__name__)
        return False
    return True
