"""Owns who is in a channel, and whether the app is in the workspace at all."""

from local.slack import conversation, events
from local.slack.errors import Refused
from local.slack.gestures.gesture import Gesture, joined_channel, visible_channel
from local.slack.state import Channel, Json, User
from local.slack.workspace import Workspace


class Join(Gesture):
    channel: str

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        channel = visible_channel(ws, user, self.channel)
        if user.id in channel.members:
            raise Refused(f"{user.name} is in #{channel.name} already.")
        _come(ws, user, channel)
        return {}


class Leave(Gesture):
    channel: str

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        channel = joined_channel(ws, user, self.channel)
        _require_movable(channel)
        _go(ws, user, channel)
        return {}


class Invite(Gesture):
    """Bring the bot in. It hears of the mention that asked for it: `app_mention` alone."""

    channel: str
    ts: str | None = None
    """The message that named the bot before it was here."""

    async def perform(self, ws: Workspace) -> Json:
        channel = joined_channel(ws, self.person(ws), self.channel)
        _require_movable(channel)
        bot = ws.state.bot
        if bot.id in channel.members:
            raise Refused(f"{bot.name} is in #{channel.name} already.")
        _come(ws, bot, channel)
        message = ws.state.message(channel.id, self.ts) if self.ts else None
        if message is not None:
            events.send_mentioned(ws, message)
        return {}


class Kick(Gesture):
    """Take the bot out of a channel: it hears nothing more of it."""

    channel: str

    async def perform(self, ws: Workspace) -> Json:
        channel = joined_channel(ws, self.person(ws), self.channel)
        _require_movable(channel)
        bot = ws.state.bot
        if bot.id not in channel.members:
            raise Refused(f"{bot.name} is not in #{channel.name}.")
        _go(ws, bot, channel)
        return {}


class SetTopic(Gesture):
    channel: str
    topic: str

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        channel = joined_channel(ws, user, self.channel)
        channel.topic = self.topic
        text = f"<@{user.id}> set the channel topic: {self.topic}"
        conversation.notice(ws, "channel_topic", user.id, channel.id, text)
        return {}


class Uninstall(Gesture):
    """An admin removes the app: it is told once, and its tokens are worth nothing from then on."""

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        if not user.is_admin:
            raise Refused(f"{user.name} is no admin of this workspace.")
        events.send_uninstalled(ws)
        ws.installs.clear()
        return {}


def _require_movable(channel: Channel) -> None:
    if channel.kind in ("im", "mpim"):
        raise Refused("Nobody joins or leaves a direct conversation.")


def _come(ws: Workspace, user: User, channel: Channel) -> None:
    channel.members.append(user.id)
    text = f"<@{user.id}> has joined the channel"
    conversation.notice(ws, "channel_join", user.id, channel.id, text)
    events.send_member(ws, "member_joined_channel", user.id, channel)


def _go(ws: Workspace, user: User, channel: Channel) -> None:
    text = f"<@{user.id}> has left the channel"
    conversation.notice(ws, "channel_leave", user.id, channel.id, text)
    events.send_member(ws, "member_left_channel", user.id, channel)
    channel.members.remove(user.id)
