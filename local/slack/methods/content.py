"""Owns reading what a message is to contain, and everything Slack may say against it."""

import json
from dataclasses import dataclass

from local.slack.blockkit import check_blocks, name_blocks
from local.slack.blockkit.blocks import MAX_TEXT, text_length
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.state import Json

MAX_POSTED = 40_000
"""Longer text of a new message is cut off."""

MAX_UPDATED = 4_000
"""Longer text of an update is refused: `msg_too_long`."""

MAX_METADATA_BYTES = 8_192


@dataclass(frozen=True)
class Content:
    text: str
    blocks: list[Json] | None
    attachments: list[Json] | None
    metadata: Json | None
    """None when the call does not speak of metadata; an empty object takes it away."""


def read_content(call: Call) -> Content:
    """Raises SlackError: `no_text`, `invalid_blocks`, `invalid_metadata_format`, ..."""
    text = call.args.text("text") or ""
    markdown = call.args.text("markdown_text")
    blocks = _blocks(call)
    attachments = _list(call, "attachments", "invalid_attachments")
    if markdown is not None:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        blocks = checked_blocks([{"type": "markdown", "text": markdown}])
        text = markdown
    if not text.strip() and not blocks and not attachments:
        raise SlackError("no_text")
    return Content(text, blocks, attachments, read_metadata(call))


def checked_blocks(blocks: object) -> list[Json]:
    """The blocks with their ids filled in. Raises SlackError."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    problems = check_blocks(blocks, "message")
    if problems:
        raise SlackError("invalid_blocks", problems)
    if text_length(blocks) > MAX_TEXT:
        raise SlackError("msg_blocks_too_long")
    name_blocks(blocks)
    return blocks


def _blocks(call: Call) -> list[Json] | None:
    given = call.args.structure("blocks", "invalid_blocks_format")
    return None if given is None else checked_blocks(given)


def _list(call: Call, name: str, error: str) -> list[Json] | None:
    given = call.args.structure(name, error)
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise SlackError(error)
    return given or None


def read_metadata(call: Call) -> Json | None:
    """None when the call does not speak of it. Raises SlackError."""
    given = call.args.structure("metadata", "invalid_metadata_format")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise SlackError("invalid_metadata_format")
    if not given:
        return {}
    event_type = given.get("event_type")
    known = set(given) <= {"event_type", "event_payload", "entities"}
    if not known or not isinstance(event_type, str) or not event_type:
        raise SlackError("invalid_metadata_format")
    if not isinstance(given.get("event_payload"), dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(given).encode()) > MAX_METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return given
