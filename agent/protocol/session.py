"""Owns what may be read of a session: its history, its state, digests of its tasks."""

from agent.protocol.people import (
    Attachment,
    Feedback,
    Person,
    SessionStatus,
    TakenFile,
    ThreadMessage,
    ThreadRef,
    Wire,
)
from agent.protocol.work import Outcome


class HistoryEntry(Wire):
    seq: int
    ts: str
    author: Person
    text: str
    edit: bool = False
    """True for a correction of an earlier message."""
    edit_ts: str = ""
    client_msg_id: str | None = None
    quiet: bool = False
    """It came late, behind a newer message: it joins the history without interrupting."""
    files: list[Attachment] = []
    taken: list[TakenFile] = []
    """What became of `files`; filled in by the task that reads the message."""


class TaskDigest(Wire):
    """What the next task knows of a finished one."""

    task: str
    outcome: Outcome
    summary: str
    request: str = ""
    """What people had asked, shortened."""
    feedback: list[Feedback] = []
    """The last judgement of each person."""


class SessionView(Wire):
    """What `Session.read` answers. `exists` is false for a thread nobody ever addressed us in."""

    exists: bool = False
    thread: ThreadRef | None = None
    title: str = ""
    status: SessionStatus = "idle"
    task: str | None = None
    """Key of the running task."""
    messages: int = 0
    unread: int = 0
    """Messages that no finished task has read yet."""
    tasks: int = 0
    participants: list[Person] = []
    total_cost_usd: float = 0.0
    last: TaskDigest | None = None


class Waiting(Wire):
    """The session's task began or ceased to wait for people."""

    task: str
    waiting: bool


class ReadRequest(Wire):
    after_seq: int = 0


class Unread(Wire):
    """What a task reads: messages above its last one, ordered by Slack's ts."""

    messages: list[HistoryEntry]
    last_seq: int = 0
    """Highest sequence number handed out so far."""
    context: list[ThreadMessage] = []
    """What people had said in the thread before we were mentioned in it."""
    stopping: Person | None = None
    """Who asked to stop the running task, if somebody did."""
    digests: list[TaskDigest] = []
    """Earlier tasks of the session, oldest first."""
