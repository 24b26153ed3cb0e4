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
from agent.protocol.work import Outcome, Usage


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
    last_seq: int = 0
    """Newest message that was read when it ended."""


class SessionView(Wire):
    """What `Session.read` answers. `exists` is false for a thread nobody ever addressed us in."""

    exists: bool = False
    thread: ThreadRef | None = None
    title: str = ""
    status: SessionStatus = "idle"
    task: str | None = None
    """Key of the running task."""
    messages: int = 0
    """Also the sequence number of the newest."""
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
    knows: int = 0
    """`Unread.rev` of an earlier answer: what has not changed since is left out."""


class Unread(Wire):
    """What a task reads, within bounds: messages above its last one, ordered by Slack's ts, the
    longest of many shortened; and what was before them (`context`, `digests`, `summary`)."""

    messages: list[HistoryEntry]
    last_seq: int = 0
    """Highest sequence number handed out so far."""
    context: list[ThreadMessage] = []
    """What people had said in the thread before we were mentioned in it."""
    stopping: Person | None = None
    """Who asked to stop the running task, if somebody did."""
    digests: list[TaskDigest] = []
    """The newest earlier tasks of the session, oldest first."""
    summary: str = ""
    """What the tasks before `digests` came to."""
    spent_usd: float = 0.0
    """What the session's finished tasks have cost, as budgets count it."""
    has_project: bool = False
    """An earlier task may have left files: it worked, or files came with its messages."""
    rev: int = 0
    """Of what was before the messages; the same as `ReadRequest.knows`: it is left out. 0: of an
    older release, which leaves nothing out."""


class TranscriptRequest(Wire):
    page: int = 0
    """Counted from 0, the oldest."""


class TranscriptPage(Wire):
    """A part of everything that was ever said to a session, unshortened, in order of arrival."""

    entries: list[HistoryEntry] = []
    tasks: list[TaskDigest] = []
    """Those that ended since the page before; `TaskDigest.last_seq` tells where they belong."""
    last: bool = True
    """No page follows yet."""


class LookUp(Wire):
    """A running task wants to know exactly what was said earlier in its thread."""

    until_seq: int
    """Newest message the task has read: nothing after it is told."""
    query: str = ""
    """Words that a message must all hold; empty: every message."""
    task: int = 0
    """Only what this task read, and how it ended; 0: of all."""
    from_seq: int = 0


class Said(Wire):
    """A message as it is looked up; a very long one is shortened."""

    n: int
    """Its number in the thread; 0: said before we were mentioned."""
    at: str
    """`2026-11-22 09:30`, UTC."""
    who: str
    text: str
    changed: bool = False
    """It changes an earlier message; without text: deletes it."""
    files: list[str] = []


class LookedUp(Wire):
    said: list[Said] = []
    ended: list[TaskDigest] = []
    """Tasks that ended amid `said`, when no words were looked for."""
    next_seq: int = 0
    """Where to go on, when there may be more; else 0."""


class Summarised(Wire):
    """What the oldest tasks of a session came to, in place of their digests."""

    until: str
    """The newest of them."""
    summary: str
    usage: Usage = Usage()
