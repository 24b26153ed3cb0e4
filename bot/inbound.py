"""Owns reading Slack's message events: what was said, where, and whether it can be for us.

Pure: knows neither our sessions nor Slack's API.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agent.protocol import ThreadRef

Event = Mapping[str, Any]
Word = Literal["stop", "status", "help", "download"]

_SUBTYPES = (None, "file_share", "thread_broadcast")
_SLACKBOT = ("USLACK", "USLACKBOT")
_USER_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_CHANNEL = re.compile(r"<#([CG][A-Z0-9]+)(?:\|([^>]*))?>")
_BROADCAST = re.compile(r"<!([a-z]+)(?:\^[A-Z0-9]+)?(?:\|([^>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^|>]+)(?:\|([^>]*))?>")
_STARTS_WITH_OTHERS = re.compile(r"\s*<(?:@|!subteam\^|!here|!channel|!everyone)")


@dataclass(frozen=True)
class Incoming:
    """A message by a person, somewhere we can hear."""

    thread: ThreadRef
    ts: str
    user_id: str
    text: str
    """In Slack's wire form, without our mention."""
    mentioned: bool
    direct: bool
    """In a direct conversation with us."""
    reply: bool
    for_others: bool
    """Starts by addressing somebody else."""
    client_msg_id: str | None
    has_files: bool


@dataclass(frozen=True)
class Edited:
    """A message by a person was changed; deleted when `text` is empty."""

    thread: ThreadRef
    ts: str
    edit_ts: str
    user_id: str
    text: str


def read_message(event: Event, team: str, bot_user_id: str) -> Incoming | None:
    """None for what no person wrote as a message: bots, Slackbot, ourselves, notices."""
    user_id = event.get("user")
    if (
        event.get("subtype") not in _SUBTYPES
        or event.get("bot_id")
        or event.get("bot_profile")
        or not isinstance(user_id, str)
        or user_id in (*_SLACKBOT, bot_user_id)
    ):
        return None
    text = str(event.get("text") or "")
    mentioned = bot_user_id in _USER_MENTION.findall(text)
    ts, root_ts = str(event["ts"]), str(event.get("thread_ts") or event["ts"])
    return Incoming(
        thread=ThreadRef(team=team, channel=str(event["channel"]), root_ts=root_ts),
        ts=ts,
        user_id=user_id,
        text=without_mention(text, bot_user_id),
        mentioned=mentioned,
        direct=event.get("channel_type") == "im" or str(event["channel"]).startswith("D"),
        reply=root_ts != ts,
        for_others=not mentioned and bool(_STARTS_WITH_OTHERS.match(text)),
        client_msg_id=event.get("client_msg_id"),
        has_files=bool(event.get("files")),
    )


def read_edit(event: Event, team: str, bot_user_id: str) -> Edited | None:
    """None when nothing a person wrote was changed: link previews, our own edits, bots."""
    before: Event = event.get("previous_message") or {}
    if event.get("subtype") == "message_deleted":
        after, text = before, ""
    elif event.get("subtype") == "message_changed":
        after = event.get("message") or {}
        text = without_mention(str(after.get("text") or ""), bot_user_id)
        if after.get("subtype") == "tombstone":  # a deleted root that keeps its replies
            after, text = before, ""
        elif after.get("text") == before.get("text"):
            return None
    else:
        return None
    user_id = after.get("user")
    if after.get("bot_id") or not isinstance(user_id, str) or user_id in (*_SLACKBOT, bot_user_id):
        return None
    ts = str(after["ts"])
    root_ts = str(after.get("thread_ts") or ts)
    edited: Event = after.get("edited") or {}
    return Edited(
        thread=ThreadRef(team=team, channel=str(event["channel"]), root_ts=root_ts),
        ts=ts,
        edit_ts=str((edited.get("ts") if text else None) or event.get("event_ts") or event["ts"]),
        user_id=user_id,
        text=text,
    )


def without_mention(text: str, bot_user_id: str) -> str:
    return re.sub(rf"[ \t]*<@{bot_user_id}(?:\|[^>]*)?>[ \t]*[,:]?[ \t]*", " ", text).strip()


def mentioned_users(text: str) -> list[str]:
    return list(dict.fromkeys(_USER_MENTION.findall(text)))


def as_written(text: str, name_of: Callable[[str], str]) -> str:
    """What the person typed: Slack's entities and escapes taken back."""
    text = _USER_MENTION.sub(lambda m: f"@{name_of(m[1])}", text)
    text = _CHANNEL.sub(lambda m: f"#{m[2] or m[1]}", text)
    text = _BROADCAST.sub(lambda m: m[2] or f"@{m[1]}", text)
    text = _LINK.sub(_link_as_written, text)
    return html.unescape(text)


def control_word(text: str) -> Word | None:
    """The word, when it stands alone: then it is never an instruction for the model."""
    bare = text.strip().strip(".!?…,;:*_~`'\"()/ \t\n").casefold()
    return next((word for word in get_args(Word) if word == bare), None)


def _link_as_written(match: "re.Match[str]") -> str:
    url, label = match[1], match[2]
    address = url.removeprefix("mailto:").removeprefix("tel:")
    if not label:
        return address
    if label in (url, address) or url.endswith(f"//{label}"):
        return label
    return f"{label} ({url})"
