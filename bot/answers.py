"""Owns what a person sees who waits for an answer that no listener gave, by kind of interaction."""

import json
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError

from bot.people import client_of
from bot.telling import privately
from bot.views import modals

log = logging.getLogger(__name__)

TRY_AGAIN = "I could not record that just now. Please try again in a moment."
UNKNOWN = "I do not know this control any more. Say help to me to see what I can do."

_PEOPLE_WAIT = frozenset({"block_actions", "interactive_message", "message_action", "shortcut"})


def kind_of(body: Mapping[str, Any]) -> str:
    """Slack's `type`; `command` for a slash command."""
    return "command" if "command" in body else str(body.get("type") or "delivery")[:40]


async def tell(
    body: Mapping[str, Any], context: AsyncBoltContext, sentence: str
) -> BoltResponse | None:
    """Say it to whoever waits; None when they could not be told, or nobody waits."""
    match kind_of(body):
        case "command":
            return _json({"response_type": "ephemeral", "text": sentence})
        case "block_suggestion" | "dialog_suggestion":
            return _json({"options": []})
        case "view_submission":
            return _json(_in_modal(body.get("view"), sentence))
        case kind if kind in _PEOPLE_WAIT:
            told = await _aside(body, context, sentence)
            return BoltResponse(status=200) if told else None
    return None


async def _aside(body: Mapping[str, Any], context: AsyncBoltContext, sentence: str) -> bool:
    """Where they are, seen by this person alone; where there is none, in a modal."""
    channel, user, trigger_id = context.channel_id, context.user_id, body.get("trigger_id")
    if isinstance(channel, str) and isinstance(user, str):
        return await privately(context, channel, user, sentence, _root_of(body.get("message")))
    if not isinstance(trigger_id, str):
        return False
    try:
        await client_of(context).views_open(trigger_id=trigger_id, view=modals.notice(sentence))
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        log.info("could not tell one person something: %s", type(error).__name__)
        return False
    return True


def _root_of(message: object) -> str | None:
    """The thread that a message stands in: beside it the answer is seen."""
    root_ts = message.get("thread_ts") if isinstance(message, dict) else None
    return root_ts if isinstance(root_ts, str) else None


def _in_modal(view: object, sentence: str) -> dict[str, Any]:
    """Beside the modal's first input, so that what was typed stays; else in its place."""
    blocks = view.get("blocks") if isinstance(view, dict) else None
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, dict) and block.get("type") == "input" and block.get("block_id"):
            return {"response_action": "errors", "errors": {str(block["block_id"]): sentence}}
    return {"response_action": "update", "view": modals.notice(sentence)}


def _json(answer: dict[str, Any]) -> BoltResponse:
    return BoltResponse(
        status=200, body=json.dumps(answer), headers={"content-type": "application/json"}
    )
