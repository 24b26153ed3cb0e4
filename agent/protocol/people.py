"""Owns who speaks, and where: threads, people, and the instructions they write."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class Nothing(Wire):
    """The answer of a handler that has nothing to say, and the input of one that asks nothing."""


class ThreadRef(Wire):
    """One Slack thread. `key` is the session's key: `<enterprise-or-team>:<channel>:<root ts>`."""

    team: str
    """Enterprise id for an org-wide install, else team id."""
    channel: str
    root_ts: str

    @property
    def key(self) -> str:
        return f"{self.team}:{self.channel}:{self.root_ts}"

    @classmethod
    def parse(cls, key: str) -> "ThreadRef":
        """Raises ValueError when `key` is not a session key."""
        parts = key.split(":")
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{key!r} is not a session key: expected team:channel:ts")
        return cls(team=parts[0], channel=parts[1], root_ts=parts[2])


class Person(Wire):
    user_id: str
    name: str = ""
    """Display name; empty when unknown."""
    outsider: bool = False
    """Guest, or from another company (Slack Connect)."""


class UserMessage(Wire):
    """An instruction to the agent, as a person wrote it. Identity: (thread.team, channel, ts)."""

    thread: ThreadRef
    ts: str
    """Slack's message ts; orders the history."""
    author: Person
    text: str
    client_msg_id: str | None = None


class MessageEdit(Wire):
    thread: ThreadRef
    ts: str
    edit_ts: str
    author: Person
    text: str
    """The text after the edit; empty when the message was deleted."""


class StopRequest(Wire):
    thread: ThreadRef
    by: Person


SessionStatus = Literal["idle", "working", "waiting"]


class SessionCard(Wire):
    thread: ThreadRef
    title: str
    updated_at: float
    """Unix seconds."""
    status: SessionStatus


class SessionCards(Wire):
    """Newest first."""

    sessions: list[SessionCard] = []
