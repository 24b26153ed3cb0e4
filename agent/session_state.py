"""Owns what a session keeps at hand between its handlers, and what can be read off it.

It stays small however long the thread grows, because every message rewrites it: what people wrote
is moved to the archive (`agent.archive`), finished tasks are summarised.
"""

from pydantic import BaseModel

from agent import digests, history
from agent import protocol as p

CHUNK_ENTRIES, CHUNK_BYTES = 25, 64_000
MOST_PARTICIPANTS = 50


class SessionState(BaseModel):
    """Only grows, with defaults."""

    thread: p.ThreadRef
    title: str
    initiator: p.Person
    entries: list[p.HistoryEntry] = []
    """The newest ones; those before are in `chunks`. In states of older releases: all."""
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
    """Of the finished tasks that are not in `summary`."""
    usage: p.Usage = p.Usage()
    context: list[p.ThreadMessage] = []
    """In states of older releases: what the archive keeps now."""
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
    last_seq: int = 0
    """How many entries there are. 0 in states of older releases."""
    chunks: int = 0
    chunked_tasks: int = 0
    """How many tasks had ended when the last chunk was written."""
    began: str = ""
    """Ts of the first message for us; plain replies count from then on."""
    newest_ts: str = ""
    people: dict[str, p.Person] = {}
    """By id, who wrote last at the end; of very many the newest."""
    summary: str = ""
    """What the tasks before `digests` came to."""
    summarising: str = ""
    """Newest of the tasks that are being summarised."""
    has_project: bool = False
    """A finished task may have left files."""
    stopped_at: str = ""
    """Ts: of what stands in the thread, nothing written until then is an instruction."""
    context_rev: int = 1
    """Grows when what is kept of the thread before us changes."""

    @property
    def is_of_older_release(self) -> bool:
        return bool(self.entries) and not self.last_seq

    def catch_up(self) -> None:
        """Know of a state of an older release what newer ones keep beside the entries."""
        entries, self.entries = self.entries, []
        for entry in entries:
            self._add(entry)
        self.has_project = any(d.outcome != "answered" for d in self.digests) or any(
            entry.files for entry in entries if entry.seq <= self.consumed_seq
        )
        if not self.usage.known_usd:
            self.usage = self.usage.model_copy(update={"known_usd": self.usage.cost_usd or 0.0})
        self.digests = [digests.clipped(digest) for digest in self.digests]

    def append(
        self, message: p.UserMessage | p.ThreadMessage, *, quiet: bool = False
    ) -> p.HistoryEntry:
        return self._add(
            p.HistoryEntry(
                seq=self.last_seq + 1,
                ts=message.ts,
                author=message.author,
                text=message.text,
                client_msg_id=message.client_msg_id,
                files=message.files,
                quiet=quiet,
            )
        )

    def append_edit(self, ts: str, edit_ts: str, author: p.Person, text: str) -> p.HistoryEntry:
        return self._add(
            p.HistoryEntry(
                seq=self.last_seq + 1, ts=ts, author=author, text=text, edit=True, edit_ts=edit_ts
            )
        )

    def _add(self, entry: p.HistoryEntry) -> p.HistoryEntry:
        self.entries.append(entry)
        self.last_seq = entry.seq
        if not entry.edit:
            self.began = min(self.began or entry.ts, entry.ts)
            self.newest_ts = max(self.newest_ts, entry.ts)
        self.people.pop(entry.author.user_id, None)
        self.people[entry.author.user_id] = entry.author
        if len(self.people) > MOST_PARTICIPANTS:
            del self.people[next(iter(self.people))]
        return entry

    def take_chunks(self) -> list[list[p.HistoryEntry]]:
        """Full chunks of the oldest entries, which are no longer at hand then."""
        *full, self.entries = history.in_chunks(self.entries, CHUNK_ENTRIES, CHUNK_BYTES)
        return full

    def is_late(self, ts: str) -> bool:
        """Whether newer work is under way than this message."""
        return self.task is not None and ts < self.newest_ts

    @property
    def tasks_ended(self) -> int:
        return self.task_number - (self.task is not None)

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
            messages=self.last_seq,
            unread=self.last_seq - self.consumed_seq,
            tasks=self.task_number,
            participants=list(self.people.values()),
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

    def unread(self, entries: list[p.HistoryEntry]) -> p.Unread:
        """What a task reads that does not know `entries` yet, without what was before them."""
        return p.Unread(
            messages=history.within_room(sorted(entries, key=history.order)),
            last_seq=self.last_seq,
            stopping=self.stopping,
            rev=self.context_rev,
        )

    def before(self, context: list[p.ThreadMessage]) -> dict[str, object]:
        """The rest of `Unread`: what was before the messages."""
        summary, kept = digests.within_room(self.summary, self.digests)
        return {
            "context": context,
            "digests": kept,
            "summary": summary,
            "spent_usd": self.usage.counted_usd,
            "has_project": self.has_project,
        }


class EarlyEdits(BaseModel):
    """Changes that came before the message that begins the session."""

    by_ts: dict[str, p.MessageEdit] = {}
