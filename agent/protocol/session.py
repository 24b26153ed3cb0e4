"""Owns what may be read of a session: its history, its state, digests of its tasks."""

from agent.protocol.people import Person, SessionStatus, ThreadRef, Wire
from agent.protocol.work import Outcome


class HistoryEntry(Wire):
    seq: int
    ts: str
    author: Person
    text: str
    edit: bool = False
    """True for a correction of an earlier message."""


class TaskDigest(Wire):
    """What the next task knows of a finished one."""

    task: str
    outcome: Outcome
    summary: str
    request: str = ""
    """What people had asked, shortened."""


class SessionView(Wire):
    """What `Session.read` answers. `exists` is false for a thread nobody ever addressed us in."""

    exists: bool = False
    thread: ThreadRef | None = None
    title: str = ""
    status: SessionStatus = "idle"
    task: str | None = None
    """Key of the running task."""
    messages: int = 0
    tasks: int = 0
    participants: list[Person] = []
    total_cost_usd: float = 0.0
    last: TaskDigest | None = None


class ReadRequest(Wire):
    after_seq: int = 0


class Unread(Wire):
    """What a task reads: messages above its last one, ordered by Slack's ts."""

    messages: list[HistoryEntry]
    last_seq: int = 0
    """Highest sequence number handed out so far."""
    stopping: Person | None = None
    """Who asked to stop the running task, if somebody did."""
    digests: list[TaskDigest] = []
    """Earlier tasks of the session, oldest first."""
