"""Owns reading Slack's messages: what was said, where, by whom, and whether it can be for us.

Pure: knows neither our sessions nor Slack's API. What Slack sends is taken as it comes: a shape
nobody knows is not a message, never an error.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from agent.protocol import Attachment, ThreadRef

Event = Mapping[str, Any]
Word = Literal["stop", "status", "help", "download", "sessions"]
MeantFor = Literal["us", "session", "others"]
"""us: mentions us, or is a direct message. session: for us where the thread has a session."""

_SUBTYPES = (None, "file_share", "thread_broadcast", "me_message")
_SLACKBOT = ("USLACK", "USLACKBOT")
_ID = re.compile(r"[A-Z][A-Z0-9]{1,40}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_CLIENT_MSG_ID = re.compile(r"[\w.-]{1,100}", re.ASCII)
_USER_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_CHANNEL = re.compile(r"<#([CG][A-Z0-9]+)(?:\|([^>]*))?>")
_BROADCAST = re.compile(r"<!([a-z]+)(?:\^[A-Z0-9]+)?(?:\|([^>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto|tel):[^|>]+)(?:\|([^>]*))?>")
_STARTS_WITH_OTHERS = re.compile(r"\s*<(?:@|!subteam\^|!here|!channel|!everyone)")
_NOT_AT_HAND = {
    "tombstone": "it was deleted",
    "hidden_by_limit": "Slack hides it, beyond the limit of this workspace's plan",
    "external": "it is kept outside Slack",
}
"""Why a file cannot be had, by its `mode`."""


@dataclass(frozen=True)
class Reader:
    """Whose eyes read: the session keys' team, our user id, and the mark of an aside."""

    team: str
    bot_user_id: str
    aside: str


@dataclass(frozen=True)
class Incoming:
    """A message by a person, somewhere we can hear."""

    thread: ThreadRef
    ts: str
    user_id: str
    text: str
    """In Slack's wire form, without our mention, with what it quotes."""
    mentioned: bool
    meant_for: MeantFor
    reply: bool
    client_msg_id: str | None
    files: list[Attachment]

    @property
    def is_instruction(self) -> bool:
        """Something for a session to take in: neither to others, nor a control word, nor empty."""
        said = bool(self.text) and control_word(self.text) is None
        return self.meant_for != "others" and (said or bool(self.files))


@dataclass(frozen=True)
class Edited:
    """A message by a person was changed; deleted when `now` is None."""

    thread: ThreadRef
    ts: str
    edit_ts: str
    user_id: str
    now: Incoming | None
    was_for_us: bool
    """It was an instruction to us, or to a session, before."""
    addressed: bool = False
    """Then it also named us, or is direct: its session is there, or on its way."""

    @property
    def text(self) -> str:
        return "" if self.now is None else self.now.text


def read_message(event: Event, reader: Reader) -> Incoming | None:
    """None for what no person wrote as a message: bots, Slackbot, ourselves, notices."""
    user_id, channel, ts = event.get("user"), event.get("channel"), event.get("ts")
    root_ts = event.get("thread_ts") or ts
    if (
        event.get("subtype") not in _SUBTYPES
        or event.get("bot_id")
        or event.get("bot_profile")
        or not (_is(_ID, user_id) and _is(_ID, channel) and _is(_TS, ts) and _is(_TS, root_ts))
        or user_id in (*_SLACKBOT, reader.bot_user_id)
    ):
        return None
    text, client_msg_id = text_of(event, "text"), event.get("client_msg_id")
    # whatever the event's type: in a shared channel the mention may be of another company's install
    mentioned = reader.bot_user_id in _USER_MENTION.findall(text)
    direct = event.get("channel_type") == "im" or str(channel).startswith("D")
    files, missing = _files(event)
    own = without_mention(text, reader.bot_user_id)
    return Incoming(
        thread=ThreadRef(team=reader.team, channel=str(channel), root_ts=str(root_ts)),
        ts=str(ts),
        user_id=str(user_id),
        text="\n\n".join(part for part in (own, *_quoted(event), *missing) if part),
        mentioned=mentioned,
        meant_for="us" if mentioned else _meant_for(text, direct, root_ts != ts, reader.aside),
        reply=root_ts != ts,
        client_msg_id=str(client_msg_id) if _is(_CLIENT_MSG_ID, client_msg_id) else None,
        files=files,
    )


def read_edit(event: Event, reader: Reader) -> Edited | None:
    """None when nothing a person wrote was changed: link previews, our own edits, bots."""
    place = {"channel": event.get("channel"), "channel_type": event.get("channel_type")}
    old, new = _part(event, "previous_message"), _part(event, "message")
    before = read_message({**old, **place}, reader)
    if event.get("subtype") == "message_deleted" or new.get("subtype") == "tombstone":
        after, known = None, before  # a deleted root that keeps its replies becomes a tombstone
    else:
        after = known = read_message({**new, **place}, reader)
        unchanged = new.get("text") == old.get("text") if old else "edited" not in new
        if unchanged:
            return None
    if known is None:
        return None
    at = (_part(new, "edited").get("ts") if after else None) or event.get("event_ts")
    return Edited(
        thread=known.thread,
        ts=known.ts,
        edit_ts=str(at) if _is(_TS, at) else known.ts,
        user_id=known.user_id,
        now=after,
        was_for_us=before is None or before.is_instruction,
        addressed=before is not None and before.is_instruction and before.meant_for == "us",
    )


def text_of(part: Event, name: str) -> str:
    """A text of Slack's JSON. Half a character, which JSON can hold and nothing else can, becomes a
    question mark."""
    value = part.get(name)
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _meant_for(text: str, direct: bool, reply: bool, aside: str) -> MeantFor:
    """Of a message that does not mention us."""
    if html.unescape(text).lstrip().casefold().startswith(aside.casefold()):
        return "others"
    if direct:
        return "us"
    return "session" if reply and not _STARTS_WITH_OTHERS.match(text) else "others"


def _is(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _part(event: Event, name: str) -> Event:
    value = event.get(name)
    return value if isinstance(value, dict) else {}


def _parts(event: Event, name: str) -> list[Event]:
    value = event.get(name)
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _files(event: Event) -> tuple[list[Attachment], list[str]]:
    """Files that can be had, and a note for each that cannot."""
    files, missing = [], []
    for file in _parts(event, "files"):
        name = text_of(file, "name") or text_of(file, "title") or "a file"
        why = _NOT_AT_HAND.get(text_of(file, "mode"))
        if why is not None:
            missing.append(f"[The file “{_escape(name[:200])}” could not be taken: {why}.]")
        elif _is(_ID, file.get("id")):
            size = file.get("size")
            files.append(
                Attachment(
                    file_id=str(file["id"]),
                    name=name,
                    mimetype=text_of(file, "mimetype"),
                    size_bytes=size if isinstance(size, int) and size > 0 else 0,
                )
            )
    return files, missing


def _quoted(event: Event) -> list[str]:
    """Messages that were forwarded or shared with this one, marked as quotes."""
    quotes = []
    for attachment in _parts(event, "attachments"):
        text = text_of(attachment, "text") or text_of(attachment, "fallback")
        if text and (attachment.get("is_share") or attachment.get("message_blocks")):
            author = text_of(attachment, "author_name") or text_of(attachment, "author_subname")
            lines = "\n".join(f"> {line}" for line in text.splitlines())
            quotes.append(f"Quoted from {author or 'another message'}:\n{lines}")
    return quotes


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


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
