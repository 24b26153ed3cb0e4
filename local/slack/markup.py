"""Owns how what a person types becomes Slack's text: specials escaped, mentions and links marked.

The app gets `<@U0ANA> is 1 &lt; 2?` for a typed `@ana is 1 < 2?`, as from Slack's own composer.
"""

import html
import re

from local.slack.state import State

_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)
_MENTION = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>")
_NAME = re.compile(r"(?<![\w.@/-])@([a-z0-9][a-z0-9._-]*)", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>|]+")
_TRAILING = ".,;:!?)'\""
_SPECIAL = {"here", "channel", "everyone"}


def typed_text(state: State, typed: str) -> str:
    """Slack's text for what a person typed. Code is escaped and otherwise left alone."""
    pieces = _CODE.split(typed)
    return "".join(
        _escape(piece) if index % 2 else _mark(state, piece) for index, piece in enumerate(pieces)
    )


def _mark(state: State, typed: str) -> str:
    """Mentions that came in Slack's own form stand; names and links get theirs."""
    marked, end = "", 0
    for found in _MENTION.finditer(typed):
        if found.group(1) in state.users:
            marked += _mark_links(state, typed[end : found.start()]) + f"<@{found.group(1)}>"
            end = found.end()
    return marked + _mark_links(state, typed[end:])


def _mark_links(state: State, typed: str) -> str:
    marked, end = "", 0
    for found in _URL.finditer(typed):
        address = found.group().rstrip(_TRAILING)
        marked += f"{_mark_names(state, typed[end : found.start()])}<{_escape(address)}>"
        end = found.start() + len(address)
    return marked + _mark_names(state, typed[end:])


def _mark_names(state: State, typed: str) -> str:
    def mention(found: re.Match[str]) -> str:
        name = found.group(1).rstrip(".-_")
        rest = found.group(1)[len(name) :]
        user = state.user_named(name)
        if user is not None:
            return f"<@{user.id}>{rest}"
        group = state.group_named(name)
        if group is not None:
            return f"<!subteam^{group.id}>{rest}"
        return f"<!{name.lower()}>{rest}" if name.lower() in _SPECIAL else found.group()

    return _NAME.sub(mention, _escape(typed))


def _escape(text: str) -> str:
    return html.escape(text, quote=False)
