"""A session on an object in memory, driven by what people and tasks do."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agent import protocol as p
from agent import session
from tests.fakes.object import MemoryObject

ANA = p.Person(user_id="U0ANA", name="Ana")
BEN = p.Person(user_id="U0BEN", name="Ben")
THREAD = p.ThreadRef(team="T", channel="C", root_ts="10.0")
LONG = "x" * 40_000
"""As long as Slack lets a message be: two of them fill a chunk."""
FILE = p.Attachment(file_id="F1", name="data.csv")
SECRET = "key-that-nobody-may-see"

Gesture = tuple[Any, ...]


def gestures(seed: str, count: int) -> list[Gesture]:
    """What people and tasks do, in any order; a few ids and timestamps come again and again."""
    chance = random.Random(seed)

    def ts() -> str:
        return f"{chance.randint(10, 70)}.0"

    def later() -> str:
        return f"{chance.randint(71, 99)}.0"

    def text() -> str:
        return chance.choice(["go", "in Rust", "in C", "why?", LONG, "ü" * 30_000])

    makers: list[Callable[[], Gesture]] = [
        lambda: (
            "say",
            ts(),
            chance.choice([None, None, *"abcdef"]),
            text(),
            chance.random() < 0.2,
        ),
        lambda: ("edit", ts(), later(), chance.choice(["go", "in Rust", "in C"])),
        lambda: ("edit", ts(), later(), ""),
        lambda: ("stop", chance.choice(["", ts()])),
        lambda: ("done", chance.randint(0, 4), chance.choice(["done", "answered"])),
        lambda: ("summed",),
    ]
    return [chance.choices(makers, [10, 3, 1, 1, 5, 1])[0]() for _ in range(count)]


@dataclass
class Expected:
    """The same rules on plain lists that hold everything."""

    entries: list[tuple[str, str, str]] = field(default_factory=list)
    """(ts, edit_ts, text) in order of arrival."""
    ids: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    early: dict[str, tuple[str, str]] = field(default_factory=dict)

    def newest(self, ts: str) -> tuple[str, str] | None:
        versions = [(edit_ts, text) for known, edit_ts, text in self.entries if known == ts]
        return versions[-1] if versions else None

    def say(self, ts: str, id_: str | None, text: str, with_file: bool) -> None:
        if self.newest(ts) or id_ in self.ids or self.early.get(ts, ("", "x"))[1] == "":
            return
        self.entries.append((ts, "", text))
        self.ids |= {id_} if id_ else set()
        self.files |= {ts} if with_file else set()
        if ts in self.early and self.early[ts][1] != text:
            self.entries.append((ts, *self.early[ts]))
            self.files.discard(ts)

    def edit(self, ts: str, edit_ts: str, text: str) -> None:
        known = self.newest(ts)
        if known is None:
            if self.entries and self.early.get(ts, ("", ""))[0] < edit_ts:
                self.early[ts] = (edit_ts, text)
        elif known[0] < edit_ts and (known[1] != text or (not text and ts in self.files)):
            self.entries.append((ts, edit_ts, text))
            self.files.discard(ts)


class Driven:
    """A session and what is expected of it."""

    def __init__(self) -> None:
        self.object = MemoryObject(THREAD.key, written_once="transcript/")
        self.expected = Expected()
        self.read_by: list[int] = []
        """Sequence numbers that finished tasks have read."""

    async def make(self, gesture: Gesture) -> None:
        await getattr(self, gesture[0])(*gesture[1:])

    async def say(self, ts: str, id_: str | None, text: str, with_file: bool) -> None:
        files = [FILE] if with_file else []
        text = "" if with_file else text
        message = {"thread": THREAD, "ts": ts, "author": ANA, "text": text, "files": files}
        self.expected.say(ts, id_, text, with_file)
        made = p.UserMessage.model_validate({**message, "client_msg_id": id_})
        await session.on_message(self.object.context, made)

    async def edit(self, ts: str, edit_ts: str, text: str) -> None:
        if await self.view() == p.SessionView():
            return  # kept for the first message, whatever it will be: another test
        self.expected.edit(ts, edit_ts, text)
        edit = p.MessageEdit(thread=THREAD, ts=ts, edit_ts=edit_ts, author=BEN, text=text)
        await session.on_edit(self.object.context, edit)

    async def stop(self, at: str) -> None:
        await session.stop(self.object.context, p.StopRequest(thread=THREAD, by=BEN, at=at))

    async def done(self, behind: int, outcome: p.Outcome) -> None:
        """The running task ends, and has not read the newest messages."""
        task = (await self.view()).task
        if task is None:
            return
        after = self.object.sent_to("run")[-1].after_seq
        unread = await self.unread(after)
        if unread.stopping is not None:
            outcome = "stopped"
        last = max(unread.last_seq - behind, after)
        before = await self.view()
        done = p.TaskDone(task=task, last_seq=last, outcome=outcome, summary=LONG)
        await session.on_task_done(self.object.context, done)
        view = await self.view()
        read = view.messages - view.unread
        self.read_by += range(before.messages - before.unread + 1, read + 1)

    async def summed(self) -> None:
        asked = self.object.sent_to("fold")
        if asked:
            until = asked[-1].digests[-1].task
            news = p.Summarised(until=until, summary="sum", usage=p.Usage(cost_usd=0.0))
            await session.on_summary(self.object.context, news)

    async def view(self) -> p.SessionView:
        return await session.read(self.object.shared, p.Nothing())

    async def unread(self, after: int) -> p.Unread:
        request = p.ReadRequest(after_seq=after)
        return await session.read_unread(self.object.shared, request)

    async def transcript(self) -> p.TranscriptPage:
        entries: list[p.HistoryEntry] = []
        tasks: list[p.TaskDigest] = []
        page, number = p.TranscriptPage(last=False), 0
        while not page.last:
            request = p.TranscriptRequest(page=number)
            page = await session.transcript(self.object.shared, request)
            entries, tasks, number = [*entries, *page.entries], [*tasks, *page.tasks], number + 1
        return p.TranscriptPage(entries=entries, tasks=tasks)


def said(entries: list[p.HistoryEntry]) -> list[tuple[str, str, str]]:
    return [(entry.ts, entry.edit_ts, entry.text) for entry in entries]
