"""Owns the workspace's data: people, channels, messages, files, views, agent sessions.

Plain data and lookups: nothing here talks to a network, checks a right or tells anybody. How it
looks on the wire is the business of `shapes.py`.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Json: TypeAlias = dict[str, Any]
"""A JSON object of Slack's: open by nature, and carried as it came."""

ChannelKind = Literal["channel", "group", "im", "mpim"]
FileMode = Literal["hosted", "external", "tombstone", "hidden_by_limit"]
SessionStatus = Literal["processing", "active", "suspended", "closed"]


@dataclass(frozen=True)
class Team:
    id: str
    name: str
    domain: str


@dataclass(frozen=True)
class Org:
    """The organisation some teams belong to (Enterprise Grid)."""

    id: str
    name: str


@dataclass(frozen=True)
class UserGroup:
    id: str
    handle: str
    name: str
    users: tuple[str, ...]


@dataclass(frozen=True)
class User:
    id: str
    name: str
    real_name: str
    team_id: str
    is_bot: bool = False
    is_admin: bool = False

    outsider: bool = False
    """From another company: a guest through Slack Connect."""

    guest: bool = False
    """Of the own team, but restricted to the channels they are a member of."""


@dataclass
class Channel:
    id: str
    name: str
    kind: ChannelKind
    members: list[str]
    topic: str = ""

    shared: bool = False
    """Shared with another company."""

    team_id: str = "T0LOCAL"
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def is_im(self) -> bool:
        return self.kind == "im"


@dataclass
class Stream:
    """A message the app is still writing (`chat.startStream`)."""

    recipient: str | None
    """In a channel the only person who sees it grow; None in a direct conversation."""

    mode: Literal["timeline", "plan"]
    first: tuple[str, list[Json]]
    """Text and blocks as it began: what everybody else sees until the end."""

    blocks: list[Json]
    text: str = ""
    expiry: asyncio.TimerHandle | None = None


@dataclass
class Message:
    channel: str
    ts: str
    user: str
    text: str
    thread_ts: str | None = None
    """Set on replies only; a root gets its own when it has replies."""

    blocks: list[Json] | None = None
    attachments: list[Json] | None = None
    metadata: Json | None = None
    files: list[str] = field(default_factory=list)
    bot_id: str | None = None
    client_msg_id: str | None = None
    broadcast: bool = False
    tombstone: bool = False
    """Deleted, but kept because it is the root of a thread."""

    edited: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    visible_to: str | None = None
    """The only person who sees it: an ephemeral message."""

    choices: dict[str, Json] = field(default_factory=dict)
    """What each person chose in its menus, as `state.values`; Slack keeps it beside the message."""

    subtype: str | None = None
    """Of notices: `channel_join`, `channel_topic`, `me_message`, ..."""

    stream: Stream | None = None
    """While the app streams it."""


@dataclass
class StoredFile:
    id: str
    name: str
    title: str
    user: str
    size: int
    created: int
    content: bytes | None = None
    """None until the bytes have been uploaded."""

    complete: bool = False
    channels: list[str] = field(default_factory=list)
    mode: FileMode = "hosted"

    hidden_details: bool = False
    """In a message only the id is told, as of Slack Connect: `file_access: check_file_info`."""


@dataclass
class View:
    id: str
    user: str
    body: Json
    """As the app gave it, ids filled in: type, title, blocks, callback_id, private_metadata, ..."""

    hash: str
    root: str
    previous: str | None = None
    values: Json = field(default_factory=dict)


@dataclass
class AgentSession:
    channel: str
    thread_ts: str
    status: SessionStatus
    title: str = ""
    initiator: str = ""
    since: float = 0.0
    """Unix seconds of the last change of status."""


@dataclass
class StatusLine:
    """The fading line of `assistant.threads.setStatus`."""

    text: str
    until: float


class State:
    """The whole workspace. Messages of a channel are kept in the order of their ts."""

    def __init__(self, team: Team, bot: User, bot_id: str, app_id: str) -> None:
        self.team = team
        self.bot = bot
        self.bot_id = bot_id
        self.app_id = app_id
        self.org: Org | None = None
        """Set when the app is installed in the whole organisation."""

        self.teams: dict[str, Team] = {team.id: team}
        self.bots: dict[str, User] = {bot_id: bot}
        """The app's bot users by bot id; a second one when another company installed it too."""

        self.groups: dict[str, UserGroup] = {}
        self.users: dict[str, User] = {bot.id: bot}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, StoredFile] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.open_views: dict[str, list[str]] = {}
        """Ids of the modals a person has open, the top one last."""

        self.sessions: dict[tuple[str, str], AgentSession] = {}
        self.status_lines: dict[tuple[str, str], StatusLine] = {}
        self._messages: dict[str, dict[str, Message]] = {}
        self._top_level: dict[str, dict[str, Message]] = {}
        self._threads: dict[tuple[str, str], dict[str, Message]] = {}
        self._last_microseconds = 0
        self._serial = 0

    def next_ts(self) -> str:
        """A timestamp never given before: it identifies a message and orders the channel."""
        now = time.time_ns() // 1000
        self._last_microseconds = max(now, self._last_microseconds + 1)
        return f"{self._last_microseconds // 1_000_000}.{self._last_microseconds % 1_000_000:06d}"

    def next_id(self, prefix: str) -> str:
        self._serial += 1
        return f"{prefix}0{self._serial:08X}"

    # --- people and channels ---

    def add_user(self, user: User) -> None:
        self.users[user.id] = user

    def add_channel(self, channel: Channel) -> None:
        self.channels[channel.id] = channel
        self._messages[channel.id] = {}
        self._top_level[channel.id] = {}

    def user_named(self, name: str) -> User | None:
        return next((u for u in self.users.values() if u.name == name.lower()), None)

    def group_named(self, handle: str) -> UserGroup | None:
        return next((g for g in self.groups.values() if g.handle == handle.lower()), None)

    def channel_named(self, name: str) -> Channel | None:
        return next((c for c in self.channels.values() if c.name == name and not c.is_im), None)

    def direct_channel(self, user: str) -> Channel | None:
        """The conversation between this person and the bot."""
        pair = {user, self.bot.id}
        return next((c for c in self.channels.values() if c.is_im and set(c.members) == pair), None)

    def can_see(self, user: str, channel: Channel) -> bool:
        if user in channel.members:
            return True
        person = self.users[user]
        colleague = person.team_id == channel.team_id and not person.guest
        return channel.kind == "channel" and colleague

    # --- messages ---

    def add(self, message: Message) -> None:
        self._messages[message.channel][message.ts] = message
        if message.thread_ts is None or message.broadcast:
            self._top_level[message.channel][message.ts] = message
        if message.thread_ts is not None:
            thread = self._threads.setdefault((message.channel, message.thread_ts), {})
            thread[message.ts] = message

    def remove(self, message: Message) -> None:
        del self._messages[message.channel][message.ts]
        self._top_level[message.channel].pop(message.ts, None)
        if message.thread_ts is not None:
            del self._threads[message.channel, message.thread_ts][message.ts]

    def message(self, channel: str, ts: str) -> Message | None:
        return self._messages.get(channel, {}).get(ts)

    def top_level(self, channel: str) -> Iterator[Message]:
        """What stands in the channel itself: roots, and replies also sent to the channel."""
        yield from self._top_level[channel].values()

    def thread(self, channel: str, root_ts: str) -> Iterator[Message]:
        """The replies of a thread, ephemeral ones too."""
        yield from self._threads.get((channel, root_ts), {}).values()

    def replies(self, channel: str, root_ts: str) -> list[Message]:
        """Replies of a thread that everybody sees."""
        return [one for one in self.thread(channel, root_ts) if one.visible_to is None]

    def session_status(self, session: AgentSession, now: float) -> SessionStatus:
        """Slack gives up on a session that has been `processing` for about an hour."""
        if session.status == "processing" and now - session.since > 3600:
            return "active"
        return session.status

    def status_text(self, channel: str, thread_ts: str, now: float) -> str:
        line = self.status_lines.get((channel, thread_ts))
        return line.text if line is not None and line.until > now else ""
