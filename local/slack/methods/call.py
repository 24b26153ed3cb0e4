"""Owns what a Web API method is given, and the lookups that many of them begin with."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from local.slack.arguments import Arguments
from local.slack.errors import SlackError
from local.slack.installs import Installation
from local.slack.state import Channel, Json, Message, State, User
from local.slack.workspace import Workspace

_TS = re.compile(r"\d{10}\.\d{6}")


@dataclass(frozen=True)
class Call:
    """One call of the bot's."""

    ws: Workspace
    args: Arguments
    install: Installation
    """Whose token it came with."""

    @property
    def state(self) -> State:
        return self.ws.state

    @property
    def bot(self) -> User:
        return self.install.bot

    def require_scope(self, scope: str) -> None:
        """Raises SlackError `missing_scope` as Slack words it."""
        manifest = self.ws.manifest
        if not manifest.has_scope(scope):
            provided = ",".join(manifest.granted_scopes)
            raise SlackError("missing_scope", needed=scope, provided=provided)

    def channel(self, argument: str = "channel") -> Channel:
        """A channel the bot may know of: by id, or for posting also by name."""
        given = self.args.required(argument, "channel_not_found")
        channel = self.state.channels.get(given) or self.state.channel_named(given.lstrip("#"))
        if channel is None or not self._knows(channel):
            raise SlackError("channel_not_found")
        return channel

    def joined_channel(self, argument: str = "channel") -> Channel:
        channel = self.channel(argument)
        if not self._is_member(channel):
            raise SlackError("not_in_channel")
        return channel

    def channel_to_post_in(self) -> Channel:
        """Also by user id, which means the direct conversation with that person."""
        given = self.args.required("channel", "channel_not_found")
        if given in self.state.users:
            direct = self.state.direct_channel(given)
            if direct is None:
                raise SlackError("channel_not_found")
            return direct
        channel = self.channel()
        if not self._is_member(channel) and not self.ws.manifest.has_scope("chat:write.public"):
            raise SlackError("not_in_channel")
        return channel

    def thread(self, channel: Channel, argument: str = "thread_ts") -> str | None:
        """The root's ts. A reply's own ts is refused: Slack would tear the thread apart."""
        given = self.args.text(argument)
        if not given:
            return None
        root = self.state.message(channel.id, given) if _TS.fullmatch(given) else None
        if root is None or root.visible_to is not None:
            raise SlackError("thread_not_found")
        if root.thread_ts is not None:
            raise SlackError("cannot_reply_to_message")
        return given

    def message(self, channel: Channel, argument: str, malformed: str) -> Message:
        given = self.args.required(argument, "message_not_found")
        if not _TS.fullmatch(given):
            raise SlackError(malformed)
        message = self.state.message(channel.id, given)
        if message is None or message.visible_to is not None or message.tombstone:
            raise SlackError("message_not_found")
        return message

    def user(self, argument: str = "user") -> User:
        user = self.state.users.get(self.args.required(argument, "user_not_found"))
        if user is None:
            raise SlackError("user_not_found")
        return user

    def _knows(self, channel: Channel) -> bool:
        """A channel it is in, or a public one of a team it is installed in."""
        own = self.install.org is not None or channel.team_id == self.install.team.id
        return self._is_member(channel) or (channel.kind == "channel" and own)

    def _is_member(self, channel: Channel) -> bool:
        return self.bot.id in channel.members

    def own_message(self, text: str, channel: Channel) -> Message:
        """A new message by this bot user, to be filled in and posted."""
        return Message(
            channel=channel.id,
            ts=self.state.next_ts(),
            user=self.bot.id,
            bot_id=self.install.bot_id,
            text=text,
        )

    def require_team(self) -> None:
        """Methods about one team must name it when the token is an organisation's."""
        if self.install.org is not None:
            team = self.args.required("team_id", "missing_argument")
            if team not in self.state.teams:
                raise SlackError("team_not_found")


@dataclass(frozen=True)
class Method:
    """A Web API method: what it does, and the scopes the manifest must have granted."""

    run: Callable[[Call], Json]
    scopes: tuple[str, ...] = ()
    for_app_token: bool = False
