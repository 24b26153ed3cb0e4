"""Owns which thread is meant: from Slack's ids, or from a link to a message."""

import html
import re
from dataclasses import dataclass

from slack_bolt.context.async_context import AsyncBoltContext

from agent.protocol import ThreadRef
from bot.identity import Identity

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
    """First part of every session key: the enterprise of an org-wide install, else the team.

    A click or a command may name no team, or that of whoever clicked: then it is our own.
    """
    if context.is_enterprise_install and context.enterprise_id:
        return context.enterprise_id
    identity = identity_of(context)
    team = identity.team if identity is not None else context.team_id or context.enterprise_id
    if not team:
        raise ValueError("Slack sent neither a team nor an enterprise id with this request.")
    return team


def homes_of(context: AsyncBoltContext) -> set[str]:
    """Ids that count as this workspace: its team, and its enterprise if it has one."""
    identity = identity_of(context)
    homes = set() if identity is None else identity.homes
    return homes | {team_of(context)}


def identity_of(context: AsyncBoltContext) -> Identity | None:
    """Who we are; None for the few events that come without authorization."""
    identity = context.get("identity")
    return identity if isinstance(identity, Identity) else None


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


def permalink(workspace_url: str, thread: ThreadRef) -> str:
    """Link to the message a thread began with, as Slack makes it, without asking Slack. Empty when
    `workspace_url` (`https://acme.slack.com/`) is."""
    if not workspace_url:
        return ""
    digits = thread.root_ts.replace(".", "")
    return f"{workspace_url.rstrip('/')}/archives/{thread.channel}/p{digits}"


def workspace_url_of(context: AsyncBoltContext) -> str:
    """Address of the workspace; empty while it is not known."""
    identity = identity_of(context)
    return identity.url if identity is not None else ""
