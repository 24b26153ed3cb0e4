"""Owns what one session keeps between its handlers, and what can be read off it."""

from pydantic import BaseModel

from agent import history
from agent import protocol as p


class SessionState(BaseModel):
    """Only grows, with defaults."""

    thread: p.ThreadRef
    title: str
    initiator: p.Person
    entries: list[p.HistoryEntry] = []
    task: str | None = None
    invocation: str | None = None
    """Invocation id of the running task; a stop cancels it."""
    task_number: int = 0
    consumed_seq: int = 0
    """Messages up to here were read by a finished task, or withdrawn by a stop."""
    waiting: bool = False
    """The running task waits for people."""
    stopping: p.Person | None = None
    stop_seq: int = 0
    digests: list[p.TaskDigest] = []
    usage: p.Usage = p.Usage()
    context: list[p.ThreadMessage] = []
    """What people had said in the thread before the first message to us."""
    reading: bool = False
    """The thread is being read; work begins when that is over."""
    early_edits: dict[str, p.MessageEdit] = {}
    """By ts: changes that came before the message they change."""
    told_seq: int = 0
    """A running task was told of messages up to here."""
    presence_rev: int = 0
    """Newest revision of the status beside the thread."""
    closed: bool = False
    """The thread's first message was deleted."""

    @property
    def last_seq(self) -> int:
        return self.entries[-1].seq if self.entries else 0

    @property
    def began(self) -> str:
        """Ts of the first message for us; plain replies count from then on."""
        return min((entry.ts for entry in self.entries if not entry.edit), default="")

    def knows(self, ts: str, client_msg_id: str | None) -> bool:
        """One gesture may be delivered under two timestamps, and one message without its id."""
        return any(
            not e.edit
            and (e.ts == ts or (client_msg_id is not None and e.client_msg_id == client_msg_id))
            for e in self.entries
        )

    def is_late(self, ts: str) -> bool:
        """Whether newer work is under way than this message."""
        return self.task is not None and any(e.ts > ts for e in self.entries if not e.edit)

    @property
    def participants(self) -> list[p.Person]:
        return list({entry.author.user_id: entry.author for entry in self.entries}.values())

    @property
    def status(self) -> p.SessionStatus:
        if self.task is None:
            return "idle"
        return "waiting" if self.waiting else "working"

    def view(self) -> p.SessionView:
        return p.SessionView(
            exists=True,
            thread=self.thread,
            title=self.title,
            status=self.status,
            task=self.task,
            messages=len(self.entries),
            unread=self.last_seq - self.consumed_seq,
            tasks=self.task_number,
            participants=self.participants,
            total_cost_usd=self.usage.cost_usd or 0.0,
            last=self.digests[-1] if self.digests else None,
        )

    def card(self, now: float) -> p.SessionCard:
        return p.SessionCard(
            thread=self.thread,
            title=self.title,
            updated_at=now,
            status=self.status,
            cost_usd=self.usage.cost_usd,
        )

    def unread(self, after: int) -> p.Unread:
        """What a task reads that knows the messages up to `after`."""
        fresh = [entry for entry in self.entries if entry.seq > after]
        return p.Unread(
            messages=sorted(fresh, key=history.order),
            last_seq=self.last_seq,
            stopping=self.stopping,
            digests=self.digests,
            context=self.context,
        )


class EarlyEdits(BaseModel):
    """Changes that came before the message that begins the session."""

    by_ts: dict[str, p.MessageEdit] = {}
