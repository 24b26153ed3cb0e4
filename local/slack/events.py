"""Owns the Events API: what an event looks like, and whether the app gets it at all.

An event goes out only when the manifest subscribes to it and grants its scope, and the bot is a
member of the channel.
"""

import time
import uuid

from local.slack import seed
from local.slack.scopes import EVENT_OF_KIND, event_scope
from local.slack.shapes import message_json
from local.slack.state import Channel, Json, Message
from local.slack.workspace import Workspace


def send_posted(ws: Workspace, message: Message) -> None:
    """A new message: always `message`, and `app_mention` beside it when the bot is named.

    Slack sends the two in either order; here they take turns, so that both orders happen.
    """
    channel = ws.state.channels[message.channel]
    event = {**_seen(ws, message), "channel": channel.id, "event_ts": message.ts}
    outgoing = [(EVENT_OF_KIND[channel.kind], {**event, "channel_type": channel.kind})]
    mentioned = f"<@{ws.state.bot.id}>" in message.text and message.bot_id is None
    if mentioned and not channel.is_im:
        plain = {name: value for name, value in event.items() if name != "subtype"}
        outgoing.append(("app_mention", {**plain, "type": "app_mention"}))
        ws.mentions_sent += 1
        if ws.mentions_sent % 2:
            outgoing.reverse()
    for name, one in outgoing:
        _send(ws, name, one, channel)


def send_changed(ws: Workspace, message: Message, previous: Json) -> None:
    """`previous` is the message as it looked before (`snapshot`)."""
    _send_hidden(
        ws,
        message.channel,
        {
            "subtype": "message_changed",
            "message": _seen(ws, message),
            "previous_message": previous,
        },
    )


def send_deleted(ws: Workspace, channel: str, previous: Json) -> None:
    _send_hidden(
        ws,
        channel,
        {
            "subtype": "message_deleted",
            "deleted_ts": previous["ts"],
            "previous_message": previous,
        },
    )


def snapshot(ws: Workspace, message: Message) -> Json:
    """How the app sees this message now, for the event that tells it of the change."""
    return _seen(ws, message)


def send_home_opened(ws: Workspace, user: str, tab: str) -> None:
    channel = ws.state.direct_channel(user)
    if channel is None:
        return
    event: Json = {
        "type": "app_home_opened",
        "user": user,
        "channel": channel.id,
        "tab": tab,
        "event_ts": ws.state.next_ts(),
    }
    _send(ws, "app_home_opened", event, channel)


def send_session_stopped(ws: Workspace, channel: Channel, thread_ts: str, user: str) -> None:
    event = {
        "type": "agent_session_stopped",
        "channel": channel.id,
        "thread_ts": thread_ts,
        "user": user,
        "streaming_message_ts": [],
        "event_ts": ws.state.next_ts(),
    }
    _send(ws, "agent_session_stopped", event, channel)


def send_file_shared(ws: Workspace, file_id: str, user: str, channel: Channel) -> None:
    event = {
        "type": "file_shared",
        "file_id": file_id,
        "file": {"id": file_id},
        "user_id": user,
        "channel_id": channel.id,
        "event_ts": ws.state.next_ts(),
    }
    _send(ws, "file_shared", event, channel)


def _seen(ws: Workspace, message: Message) -> Json:
    seen = message_json(ws.state, message, ws.base_url, metadata=False)
    if ws.state.channels[message.channel].shared:
        home = ws.state.users[message.user].team_id
        seen |= {"user_team": home, "source_team": home}
    return seen


def _send_hidden(ws: Workspace, channel_id: str, change: Json) -> None:
    channel = ws.state.channels[channel_id]
    ts = ws.state.next_ts()
    event = {
        "type": "message",
        "hidden": True,
        "channel": channel.id,
        "channel_type": channel.kind,
        "ts": ts,
        "event_ts": ts,
        **change,
    }
    _send(ws, EVENT_OF_KIND[channel.kind], event, channel)


def _send(ws: Workspace, name: str, event: Json, channel: Channel) -> None:
    scope = event_scope(name)
    granted = scope is None or ws.manifest.has_scope(scope)
    member = ws.state.bot.id in channel.members
    if ws.manifest.subscribes_to(name) and granted and member:
        ws.deliveries.send_event(_callback(ws, event, channel))


def _callback(ws: Workspace, event: Json, channel: Channel) -> Json:
    team = ws.state.team.id
    return {
        "token": seed.VERIFICATION_TOKEN,
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": None,
        "api_app_id": ws.state.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{uuid.uuid4().hex[:10].upper()}",
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team,
                "user_id": ws.state.bot.id,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": channel.shared,
        "event_context": f"4-{uuid.uuid4().hex}",
    }
