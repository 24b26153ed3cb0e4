"""Owns the Events API: what an event looks like, and whether the app gets it at all.

An event goes out only when the manifest subscribes to it and grants its scope, and the bot is a
member of the channel; once for each installation of the app of which that is true.
"""

import time
import uuid

from local.slack import seed
from local.slack.installs import Installation
from local.slack.scopes import EVENT_OF_KIND, event_scope
from local.slack.shapes import message_json
from local.slack.state import Channel, Json, Message
from local.slack.workspace import Workspace


def send_posted(ws: Workspace, message: Message) -> None:
    """A new message: always `message`, and `app_mention` beside it when the bot is named.

    Slack sends the two in either order; here they take turns, so that both orders happen.
    """
    channel = ws.state.channels[message.channel]
    outgoing = [(EVENT_OF_KIND[channel.kind], posted_event(ws, message))]
    named = _installs_named(ws, message)
    if named and not channel.is_im:
        outgoing.append(("app_mention", mention_event(ws, message)))
        ws.mentions_sent += 1
        if ws.mentions_sent % 2:
            outgoing.reverse()
    for name, one in outgoing:
        _send(ws, name, one, channel, named if name == "app_mention" else ws.installs)


def send_mentioned(ws: Workspace, message: Message) -> None:
    """`app_mention` alone: the bot was named where it was not yet, and invited by the prompt."""
    channel = ws.state.channels[message.channel]
    _send(ws, "app_mention", mention_event(ws, message), channel, _installs_named(ws, message))


def send_changed(ws: Workspace, message: Message, previous: Json) -> None:
    """`previous` is the message as it looked before (`snapshot`)."""
    _send_message_event(ws, message.channel, changed_event(ws, message, previous))


def send_deleted(ws: Workspace, channel: str, previous: Json) -> None:
    _send_message_event(ws, channel, deleted_event(ws, channel, previous))


def snapshot(ws: Workspace, message: Message) -> Json:
    """How the app sees this message now, for the event that tells it of the change."""
    return _seen(ws, message)


def send_home_opened(ws: Workspace, user: str, tab: str) -> None:
    channel = ws.state.direct_channel(user)
    if channel is not None:
        _send(ws, "app_home_opened", home_opened_event(ws, user, channel, tab), channel)


def send_session_stopped(
    ws: Workspace, channel: Channel, thread_ts: str, user: str, streams: list[str]
) -> None:
    """`streams`: the messages whose streaming Slack has just ended."""
    event = session_stopped_event(ws, channel, thread_ts, user, streams)
    _send(ws, "agent_session_stopped", event, channel)


def send_file_shared(ws: Workspace, file_id: str, user: str, channel: Channel) -> None:
    _send(ws, "file_shared", file_shared_event(ws, file_id, user, channel), channel)


def send_reaction(ws: Workspace, kind: str, message: Message, user: str, name: str) -> None:
    """`kind`: `reaction_added` or `reaction_removed`."""
    channel = ws.state.channels[message.channel]
    _send(ws, kind, reaction_event(ws, kind, message, user, name), channel)


def send_member(ws: Workspace, kind: str, user: str, channel: Channel) -> None:
    """`kind`: `member_joined_channel` or `member_left_channel`."""
    _send(ws, kind, member_event(ws, kind, user, channel), channel)


def send_uninstalled(ws: Workspace) -> None:
    """Both words of it; Slack sends them in either order."""
    for event in (tokens_revoked_event(ws), uninstalled_event(ws)):
        if ws.manifest.subscribes_to(event["type"]):
            for install in ws.installs:
                ws.deliveries.send_event(callback(ws, event, install, None))


# --- the inner events ---


def posted_event(ws: Workspace, message: Message) -> Json:
    channel = ws.state.channels[message.channel]
    where = {"channel": channel.id, "channel_type": channel.kind}
    return {**_seen(ws, message), **where, "event_ts": message.ts}


def mention_event(ws: Workspace, message: Message) -> Json:
    event = {**_seen(ws, message), "channel": message.channel, "event_ts": message.ts}
    event.pop("subtype", None)
    return {**event, "type": "app_mention"}


def changed_event(ws: Workspace, message: Message, previous: Json) -> Json:
    change = {"message": _seen(ws, message), "previous_message": previous}
    return _hidden(ws, message.channel, "message_changed", change)


def deleted_event(ws: Workspace, channel: str, previous: Json) -> Json:
    change = {"deleted_ts": previous["ts"], "previous_message": previous}
    return _hidden(ws, channel, "message_deleted", change)


def replied_event(ws: Workspace, root: Message) -> Json:
    """An old word for a new reply: some apps still get it beside the reply."""
    return _hidden(ws, root.channel, "message_replied", {"message": _seen(ws, root)})


def home_opened_event(ws: Workspace, user: str, channel: Channel, tab: str) -> Json:
    event: Json = {
        "type": "app_home_opened",
        "user": user,
        "channel": channel.id,
        "tab": tab,
        "event_ts": ws.state.next_ts(),
    }
    return event


def session_stopped_event(
    ws: Workspace, channel: Channel, thread_ts: str, user: str, streams: list[str]
) -> Json:
    return {
        "type": "agent_session_stopped",
        "channel": channel.id,
        "thread_ts": thread_ts,
        "user": user,
        "streaming_message_ts": streams,
        "event_ts": ws.state.next_ts(),
    }


def file_shared_event(ws: Workspace, file_id: str, user: str, channel: Channel) -> Json:
    return {
        "type": "file_shared",
        "file_id": file_id,
        "file": {"id": file_id},
        "user_id": user,
        "channel_id": channel.id,
        "event_ts": ws.state.next_ts(),
    }


def reaction_event(ws: Workspace, kind: str, message: Message, user: str, name: str) -> Json:
    return {
        "type": kind,
        "user": user,
        "reaction": name,
        "item_user": message.user,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "event_ts": ws.state.next_ts(),
    }


def member_event(ws: Workspace, kind: str, user: str, channel: Channel) -> Json:
    return {
        "type": kind,
        "user": user,
        "channel": channel.id,
        "channel_type": "G" if channel.kind == "group" else "C",
        "team": ws.state.users[user].team_id,
        "event_ts": ws.state.next_ts(),
    }


def tokens_revoked_event(ws: Workspace) -> Json:
    revoked = {"oauth": [], "bot": [ws.state.bot.id]}
    return {"type": "tokens_revoked", "tokens": revoked, "event_ts": ws.state.next_ts()}


def uninstalled_event(ws: Workspace) -> Json:
    return {"type": "app_uninstalled", "event_ts": ws.state.next_ts()}


def _seen(ws: Workspace, message: Message) -> Json:
    seen = message_json(ws.state, message, ws.base_url, metadata=False)
    if ws.state.channels[message.channel].shared:
        home = ws.state.users[message.user].team_id
        seen |= {"user_team": home, "source_team": home}
    return seen


def _hidden(ws: Workspace, channel_id: str, subtype: str, change: Json) -> Json:
    channel = ws.state.channels[channel_id]
    ts = ws.state.next_ts()
    return {
        "type": "message",
        "subtype": subtype,
        "hidden": True,
        "channel": channel.id,
        "channel_type": channel.kind,
        "ts": ts,
        "event_ts": ts,
        **change,
    }


# --- sending ---


def _installs_named(ws: Workspace, message: Message) -> list[Installation]:
    """Whose bot user a person's message mentions."""
    if message.bot_id is not None or message.subtype is not None:
        return []
    return [one for one in ws.installs if f"<@{one.bot.id}>" in message.text]


def _send_message_event(ws: Workspace, channel_id: str, event: Json) -> None:
    channel = ws.state.channels[channel_id]
    _send(ws, EVENT_OF_KIND[channel.kind], event, channel)


def _send(
    ws: Workspace,
    name: str,
    event: Json,
    channel: Channel,
    installs: list[Installation] | None = None,
) -> None:
    scope = event_scope(name)
    granted = scope is None or ws.manifest.has_scope(scope)
    if not ws.manifest.subscribes_to(name) or not granted:
        return
    for install in ws.installs if installs is None else installs:
        if install.hears(channel):
            ws.deliveries.send_event(callback(ws, event, install, channel))


def callback(ws: Workspace, event: Json, install: Installation, channel: Channel | None) -> Json:
    """The event as it is delivered to this installation."""
    team = install.team_of(channel)
    enterprise: Json = {} if install.org is None else {"enterprise_id": install.org.id}
    return {
        "token": seed.VERIFICATION_TOKEN,
        "team_id": team,
        **enterprise,
        "context_team_id": team,
        "context_enterprise_id": install.enterprise_id,
        "api_app_id": ws.state.app_id,
        "event": event,
        "type": "event_callback",
        "event_id": f"Ev{uuid.uuid4().hex[:10].upper()}",
        "event_time": int(time.time()),
        "authorizations": [install.authorization(team)],
        "is_ext_shared_channel": channel is not None and channel.shared,
        "event_context": f"4-{uuid.uuid4().hex}",
    }
