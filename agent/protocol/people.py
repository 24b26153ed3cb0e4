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
    """Guest, or from another company (Slack Connect), and not admitted by the operator."""
    groups: list[str] = []
    """With an answer to an approval: those of its approvers' user groups this person is in."""


class Attachment(Wire):
    """A file that came with a message, as Slack describes it. Its bytes stay at Slack until a task
    takes them in."""

    file_id: str
    name: str
    mimetype: str = ""
    size_bytes: int = 0


class TakenFile(Wire):
    """What became of an attachment: a file of the project, or one sentence why not."""

    name: str
    path: str = ""
    """In the project, for example `inbox/data.csv`; empty when it could not be taken."""
    mimetype: str = ""
    size_bytes: int = 0
    problem: str = ""


class UserMessage(Wire):
    """An instruction to the agent, as a person wrote it. Identity: (thread.team, channel, ts)."""

    thread: ThreadRef
    ts: str
    """Slack's message ts; orders the history."""
    author: Person
    text: str
    client_msg_id: str | None = None
    files: list[Attachment] = []
    addressed: bool = True
    """It names us, or is direct. False: a plain reply, for us only where a session has begun."""
    catch_up: bool = False
    """The thread may hold messages that the session does not know: on its creation it reads the
    thread once."""


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
    at: str = ""
    """Slack's ts of the gesture: what was written later goes on. Empty: everything so far stops."""


SessionStatus = Literal["idle", "working", "waiting"]


class SessionCard(Wire):
    thread: ThreadRef
    title: str
    updated_at: float
    """Unix seconds."""
    status: SessionStatus
    cost_usd: float | None = 0.0
    """None once any call had no known price."""


class SessionCards(Wire):
    """Newest first."""

    sessions: list[SessionCard] = []


class ThreadMessage(Wire):
    """A message that stands in a Slack thread, whoever wrote it."""

    ts: str
    author: Person
    text: str
    ours: bool = False
    for_us: bool = True
    """False when it is addressed to somebody else or marked as an aside."""
    client_msg_id: str | None = None
    files: list[Attachment] = []


class ThreadSoFar(Wire):
    """Answer to `ReadThread`: what stood in the thread when a session began, oldest first."""

    thread: ThreadRef
    messages: list[ThreadMessage] = []
    problem: str = ""
    """One sentence when Slack did not let us read it all."""


class ReadThread(Wire):
    """Read the thread once and send `Session.on_context`, in any case and within half a minute."""

    thread: ThreadRef


class Feedback(Wire):
    """One person's judgement of a finished task."""

    task: str
    by: Person
    verdict: Literal["good", "bad"]
    at: float = 0.0
