"""Owns what happens when something is said or unsaid in a channel, whoever does it.

The state changes first; then the app hears of it (`events.py`), and so do the pages that show it.
"""

import time

from local.slack import events, shapes
from local.slack.state import Channel, Json, Message, State
from local.slack.workspace import Workspace

TOMBSTONE_TEXT = "This message was deleted."


def post(ws: Workspace, message: Message) -> None:
    ws.state.add(message)
    for file_id in message.files:
        file = ws.state.files[file_id]
        if message.channel not in file.channels:
            file.channels.append(message.channel)
    if message.bot_id is not None and message.visible_to is None:
        _clear_status_line(ws, message)
    announce(ws, "message", message)
    if message.thread_ts is not None and message.visible_to is None:
        root = ws.state.message(message.channel, message.thread_ts)
        if root is not None:
            announce(ws, "changed", root)  # it counts its replies
    if message.visible_to is None:
        events.send_posted(ws, message)
        for file_id in message.files:
            channel = ws.state.channels[message.channel]
            events.send_file_shared(ws, file_id, message.user, channel)


def change(ws: Workspace, message: Message, fields: Json, editor: str | None) -> None:
    """Replace these fields. `editor` leaves the mark `(edited)`."""
    previous = events.snapshot(ws, message)
    for name, value in fields.items():
        setattr(message, name, value)
    if editor is not None:
        message.edited = {"user": editor, "ts": ws.state.next_ts()}
    announce(ws, "changed", message)
    if message.visible_to is None:
        events.send_changed(ws, message, previous)


def delete(ws: Workspace, message: Message) -> None:
    """The root of a thread leaves a tombstone behind; anything else is gone."""
    if ws.state.replies(message.channel, message.ts):
        emptied: Json = {"blocks": None, "metadata": None, "files": [], "attachments": None}
        change(ws, message, {"text": TOMBSTONE_TEXT, "tombstone": True, **emptied}, None)
        return
    previous = events.snapshot(ws, message)
    ws.state.remove(message)
    announce(ws, "deleted", message)
    if message.visible_to is None:
        events.send_deleted(ws, message.channel, previous)


def announce(ws: Workspace, kind: str, message: Message) -> None:
    """Tell the pages that show it."""
    news: Json = {"type": kind, "channel": message.channel, "ts": message.ts}
    if message.thread_ts is not None:
        news["thread_ts"] = message.thread_ts
    channel = ws.state.channels[message.channel]

    def news_for(user: str) -> Json | None:
        if not _sees(ws.state, user, message, channel):
            return None
        if kind == "deleted":
            return news
        shown = shapes.person_message_json(ws.state, message, ws.base_url, user)
        return {**news, "message": shown}

    ws.feed.publish(news_for)


def announce_growth(ws: Workspace, message: Message) -> None:
    """Tell those who see a streamed message live; in a channel that is one person."""
    channel = ws.state.channels[message.channel]
    recipient = None if message.stream is None else message.stream.recipient
    news: Json = {"type": "changed", "channel": message.channel, "ts": message.ts}
    news["thread_ts"] = message.thread_ts

    def news_for(user: str) -> Json | None:
        if recipient not in (None, user) or not ws.state.can_see(user, channel):
            return None
        shown = shapes.person_message_json(ws.state, message, ws.base_url, user)
        return {**news, "message": shown}

    ws.feed.publish(news_for)


def notice(ws: Workspace, subtype: str, user: str, channel: str, text: str) -> Message:
    """What Slack itself writes into a channel about a person: joined, left, set the topic."""
    message = Message(channel, ws.state.next_ts(), user, text, subtype=subtype)
    post(ws, message)
    return message


def announce_session(ws: Workspace, channel: str, thread_ts: str) -> None:
    session = shapes.session_json(ws.state, channel, thread_ts, time.time())
    news = {"type": "session", "channel": channel, "thread_ts": thread_ts, "session": session}
    shown_in = ws.state.channels[channel]
    ws.feed.publish(lambda user: news if ws.state.can_see(user, shown_in) else None)


def _sees(state: State, user: str, message: Message, channel: Channel) -> bool:
    if message.visible_to is not None:
        return user == message.visible_to
    return state.can_see(user, channel)


def _clear_status_line(ws: Workspace, message: Message) -> None:
    """Slack takes the status line away when the app says something in the thread."""
    root = message.thread_ts or message.ts
    if ws.state.status_lines.pop((message.channel, root), None) is not None:
        announce_session(ws, message.channel, root)
