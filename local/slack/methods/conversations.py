"""Owns `conversations.*`: what the bot may read of channels and threads."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from local.slack import shapes
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.scopes import history_scope, read_scope
from local.slack.state import Channel, ChannelKind, Json, Message

T = TypeVar("T")

_KIND_OF_TYPE: dict[str, ChannelKind] = {
    "public_channel": "channel",
    "private_channel": "group",
    "im": "im",
    "mpim": "mpim",
}


def replies(call: Call) -> Json:
    """The root and its replies, oldest first. The ts of a reply means its thread."""
    channel = _readable_channel(call)
    named = call.state.message(channel.id, call.args.required("ts", "thread_not_found"))
    if named is None or named.visible_to is not None:
        raise SlackError("thread_not_found")
    root = call.state.message(channel.id, named.thread_ts or named.ts)
    rest = call.state.replies(channel.id, named.thread_ts or named.ts)
    thread = [*([] if root is None else [root]), *rest]
    return _page_of_messages(call, _in_time_range(call, thread), 1000)


def history(call: Call) -> Json:
    """What stands in the channel itself, newest first."""
    channel = _readable_channel(call)
    shown = [message for message in call.state.top_level(channel.id) if message.visible_to is None]
    return _page_of_messages(call, _in_time_range(call, shown)[::-1], 100)


def info(call: Call) -> Json:
    channel = call.channel()
    call.require_scope(read_scope(channel.kind))
    described = shapes.channel_json(channel, call.bot.id)
    if call.args.flag("include_num_members"):
        described["num_members"] = len(channel.members)
    return {"channel": described}


def members(call: Call) -> Json:
    channel = call.channel()
    call.require_scope(read_scope(channel.kind))
    page, metadata = _page(call, channel.members, 100)
    return {"members": page, "response_metadata": metadata}


def list_(call: Call) -> Json:
    kinds = []
    for name in (call.args.text("types") or "public_channel").split(","):
        kind = _KIND_OF_TYPE.get(name.strip())
        if kind is None:
            raise SlackError("invalid_types")
        call.require_scope(read_scope(kind))
        kinds.append(kind)
    call.require_team()
    bot = call.bot.id
    known = [
        shapes.channel_json(channel, call.bot.id)
        for channel in call.state.channels.values()
        if channel.kind in kinds and _listed(call, channel, bot)
    ]
    page, metadata = _page(call, known, 100)
    return {"channels": page, "response_metadata": metadata}


def _listed(call: Call, channel: Channel, bot: str) -> bool:
    team = call.args.text("team_id") or call.install.team.id
    public = channel.kind == "channel" and channel.team_id == team
    return public or bot in channel.members


def open_(call: Call) -> Json:
    """The direct conversation with one person, or the group conversation with these people."""
    users = [one for one in (call.args.text("users") or "").split(",") if one]
    call.require_scope("mpim:write" if len(users) > 1 else "im:write")
    if not users:
        channel = call.channel()
    elif len(users) > 1:
        channel = _group_channel(call, users)
    elif users[0] not in call.state.users:
        raise SlackError("user_not_found")
    else:
        channel = _direct_channel(call, users[0])
    if channel.kind not in ("im", "mpim"):
        raise SlackError("channel_not_found")
    described = shapes.channel_json(channel, call.bot.id)
    return {"channel": described if call.args.flag("return_im") else {"id": channel.id}}


def _group_channel(call: Call, users: list[str]) -> Channel:
    """Only one that is there already: what this app needs never opens a new one."""
    wanted = {*users, call.bot.id}
    for channel in call.state.channels.values():
        if channel.kind == "mpim" and set(channel.members) == wanted:
            return channel
    raise SlackError("user_not_found" if wanted - set(call.state.users) else "not_enough_users")


def _direct_channel(call: Call, user: str) -> Channel:
    existing = call.state.direct_channel(user)
    if existing is not None:
        return existing
    if call.state.users[user].outsider or call.state.users[user].is_bot:
        raise SlackError("user_not_visible")
    name = call.state.users[user].name
    channel = Channel(call.state.next_id("D"), name, "im", [user, call.bot.id])
    call.state.add_channel(channel)
    return channel


def _readable_channel(call: Call) -> Channel:
    channel = call.channel()
    call.require_scope(history_scope(channel.kind))
    return call.joined_channel()


def _in_time_range(call: Call, messages: list[Message]) -> list[Message]:
    oldest = _moment(call, "oldest", "invalid_ts_oldest")
    latest = _moment(call, "latest", "invalid_ts_latest")
    inclusive = call.args.flag("inclusive")

    def within(ts: str) -> bool:
        if inclusive and ts in (oldest, latest):
            return True
        after = oldest is None or float(ts) > float(oldest)
        return after and (latest is None or float(ts) < float(latest))

    return [message for message in messages if within(message.ts)]


def _moment(call: Call, name: str, error: str) -> str | None:
    given = call.args.text(name)
    if not given:
        return None
    if not given.replace(".", "", 1).isdecimal():
        raise SlackError(error)
    return given


def _page_of_messages(call: Call, messages: list[Message], default_limit: int) -> Json:
    metadata_wanted = call.args.flag("include_all_metadata")
    page, metadata = _page(call, messages, default_limit)
    shown = [
        shapes.message_json(call.state, one, call.ws.base_url, metadata=metadata_wanted)
        for one in page
    ]
    answer: Json = {"messages": shown, "has_more": bool(metadata["next_cursor"])}
    return {**answer, "response_metadata": metadata} if metadata["next_cursor"] else answer


def _page(call: Call, items: Sequence[T], default_limit: int) -> tuple[list[T], Json]:
    limit = call.args.integer("limit", default_limit, "invalid_limit")
    if not 1 <= limit <= 1000:
        raise SlackError("invalid_limit")
    start = _offset(call.args.text("cursor"))
    end = start + limit
    cursor = base64.b64encode(f"next:{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), {"next_cursor": cursor}


def _offset(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        name, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SlackError("invalid_cursor") from error
    if name != "next" or not number.isdecimal():
        raise SlackError("invalid_cursor")
    return int(number)
