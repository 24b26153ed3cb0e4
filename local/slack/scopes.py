"""Owns which scope Slack asks for what: reading a kind of channel, and receiving an event.

The scopes of each Web API method stand beside it in `methods/__init__.py`.
"""

from local.slack.state import ChannelKind

_PREFIX: dict[ChannelKind, str] = {
    "channel": "channels",
    "group": "groups",
    "im": "im",
    "mpim": "mpim",
}

EVENT_OF_KIND: dict[ChannelKind, str] = {
    "channel": "message.channels",
    "group": "message.groups",
    "im": "message.im",
    "mpim": "message.mpim",
}
"""The subscription that brings the messages of a channel of this kind."""

_EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "agent_session_stopped": "chat:write",
    "file_created": "files:read",
    "member_joined_channel": "channels:read",
    "member_left_channel": "channels:read",
    "file_shared": "files:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
}


def history_scope(kind: ChannelKind) -> str:
    return f"{_PREFIX[kind]}:history"


def read_scope(kind: ChannelKind) -> str:
    return f"{_PREFIX[kind]}:read"


def event_scope(event: str) -> str | None:
    """None when Slack asks for no scope."""
    return _EVENT_SCOPES.get(event)
