"""Owns which thread is meant: from Slack's ids, or from a link to a message."""

import html
import re
from dataclasses import dataclass

from slack_bolt.context.async_context import AsyncBoltContext

from agent.protocol import ThreadRef

_PERMALINK = re.compile(
    r"https?://[^/\s]+/archives/(?P<channel>[A-Z][A-Z0-9]+)/p(?P<ts>\d{11,20})"
    r"(?:\?(?P<query>[^\s#]*))?$"
)
_THREAD_TS = re.compile(r"(?:^|&)thread_ts=(\d+\.\d{6})(?:&|$)")


@dataclass(frozen=True)
class Place:
    """A thread in whichever workspace the link was pasted."""

    channel: str
    root_ts: str


def team_of(context: AsyncBoltContext) -> str:
    """First part of every session key: the enterprise of an org-wide install, else the team."""
    team = context.enterprise_id if context.is_enterprise_install else context.team_id
    if not team:
        raise ValueError("Slack sent neither a team nor an enterprise id with this request.")
    return team


def parse_permalink(text: str) -> Place | None:
    """The thread that a message link points into; None when `text` is no such link."""
    bare = html.unescape(text.strip().strip("<>").split("|")[0])
    match = _PERMALINK.match(bare)
    if match is None:
        return None
    thread_ts = _THREAD_TS.search(match["query"] or "")
    digits = match["ts"]
    return Place(match["channel"], thread_ts[1] if thread_ts else f"{digits[:-6]}.{digits[-6:]}")


def thread_in(context: AsyncBoltContext, channel: str, root_ts: str) -> ThreadRef:
    return ThreadRef(team=team_of(context), channel=channel, root_ts=root_ts)
