"""What a session keeps, under any order of messages, edits, stops and ends of tasks."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent import digests, history, session, settings
from agent import protocol as p
from tests.fakes.object import MemoryObject

ANA = p.Person(user_id="U0ANA", name="Ana")
BEN = p.Person(user_id="U0BEN", name="Ben")
THREAD = p.ThreadRef(team="T", channel="C", root_ts="10.0")
LONG = "x" * 40_000
"""As long as Slack lets a message be: two of them fill a chunk."""
FILE = p.Attachment(file_id="F1", name="data.csv")
SECRET = "key-that-nobody-may-see"

Gesture = tuple[Any, ...]


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the process may not tell."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    settings.current.cache_clear()
    yield
    settings.current.cache_clear()


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


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_is_lost_doubled_or_out_of_order_whatever_happens(seed: int) -> None:
    driven = Driven()
    for gesture in gestures(f"any {seed}", 80):
        await driven.make(gesture)
    kept, view = await driven.transcript(), await driven.view()
    assert said(kept.entries) == driven.expected.entries
    assert [entry.seq for entry in kept.entries] == list(range(1, view.messages + 1))
    for after in {0, view.messages // 2, view.messages - view.unread}:
        unread = await driven.unread(after)
        wanted = sorted(kept.entries[after:], key=history.order)
        assert [entry.seq for entry in unread.messages] == [entry.seq for entry in wanted]
    ended = view.tasks - (view.task is not None)
    assert [task.task for task in kept.tasks] == [f"{THREAD.key}/{n + 1}" for n in range(ended)]
    assert len(set(driven.read_by)) == len(driven.read_by)  # none by two tasks
    assert len(driven.object.state.get("session", b"")) < 150_000 + 3 * digests.ROOM
    for name, value in driven.object.state.items():
        assert len(value) < 256_000, name


@pytest.mark.parametrize("seed", range(12))
async def test_a_session_of_an_older_release_goes_on_as_one_of_this_release(seed: int) -> None:
    new = Driven()
    for gesture in gestures(f"before {seed}", 1 + seed):
        await new.make(gesture)
    old = Driven()
    old.object.state = await as_it_was(new)
    old.object.sent, old.expected = list(new.object.sent), new.expected
    assert await old.view() == await new.view()
    assert said((await old.transcript()).entries) == said((await new.transcript()).entries)
    for gesture in gestures(f"after {seed}", 40):
        new.expected = Expected()  # of no interest here
        await new.make(gesture)
        await old.make(gesture)
    assert await old.view() == await new.view()
    assert await old.transcript() == await new.transcript()


async def as_it_was(driven: Driven) -> dict[str, bytes]:
    """The state as the last release would have it: all in one value."""
    if "session" not in driven.object.state:
        return dict(driven.object.state)
    kept = await driven.transcript()
    state = json.loads(driven.object.state["session"])
    for newer in (
        "last_seq", "chunks", "chunked_tasks", "began", "newest_ts", "people", "summary",
        "summarising", "has_project", "stopped_at", "context_rev",
    ):  # fmt: skip
        del state[newer]
    state["entries"] = [entry.model_dump() for entry in kept.entries]
    state["digests"] = [task.model_dump() for task in kept.tasks]
    return {"session": json.dumps(state).encode()}


LAST_RELEASE: dict[str, Any] = {
    "thread": {"team": "T", "channel": "C", "root_ts": "10.0"},
    "title": "Go",
    "initiator": {"user_id": "U0ANA", "name": "Ana", "outsider": False, "groups": []},
    "entries": [
        {
            "seq": 1, "ts": "10.0", "text": "go", "edit": False, "edit_ts": "", "quiet": False,
            "author": {"user_id": "U0ANA", "name": "Ana", "outsider": False, "groups": []},
            "client_msg_id": "a", "taken": [],
            "files": [{"file_id": "F", "name": "d.csv", "mimetype": "", "size_bytes": 0}],
        },
        {
            "seq": 2, "ts": "10.0", "text": "go on", "edit": True, "edit_ts": "11.0",
            "author": {"user_id": "U0BEN", "name": "Ben", "outsider": False, "groups": []},
            "client_msg_id": None, "quiet": False, "files": [], "taken": [],
        },
    ],
    "task": None, "invocation": None, "task_number": 1, "consumed_seq": 2, "waiting": False,
    "stopping": None, "stop_seq": 0,
    "digests": [
        {
            "task": "T:C:10.0/1", "outcome": "answered", "summary": "yes", "request": "Ana: go",
            "feedback": [],
        },
    ],
    "usage": {
        "input": 10, "cached": 0, "cache_write": 0, "output": 5, "reasoning": 0, "cost_usd": 0.25,
    },
    "context": [
        {
            "ts": "09.0", "text": "before", "ours": False, "for_us": True, "client_msg_id": None,
            "author": {"user_id": "U0BEN", "name": "Ben", "outsider": False, "groups": []},
            "files": [],
        },
    ],
    "reading": False, "early_edits": {}, "told_seq": 2, "presence_rev": 5, "closed": False,
}  # fmt: skip
"""A session's state as the last release wrote it."""


async def test_all_that_an_older_release_knew_is_known() -> None:
    driven = Driven()
    driven.object.state["session"] = json.dumps(LAST_RELEASE).encode()
    before = await driven.unread(0)  # read as it is
    await driven.say("10.0", "a", "go", False)  # a repeated delivery moves it
    after = await driven.unread(0)
    assert [m.text for m in after.messages] == ["go", "go on"]
    assert (after.spent_usd, after.has_project) == (0.25, True)
    assert [m.text for m in after.context] == ["before"]
    assert after == before
    assert (await driven.transcript()).tasks == after.digests
    edit = p.MessageEdit(thread=THREAD, ts="10.0", edit_ts="10.5", author=ANA, text="late")
    await session.on_edit(driven.object.context, edit)
    assert (await driven.view()).messages == 2


async def test_a_message_costs_the_same_however_many_came_before() -> None:
    driven, costs = Driven(), []
    for number in range(600):
        ts = f"{1000 + number}.0"
        before = driven.object.reads
        await driven.say(ts, f"id-{number}", "and more", False)
        written = len(driven.object.state["session"])
        costs.append((driven.object.reads - before, written))
        await driven.done(0, "answered")
        if number % 10 == 9:
            await driven.summed()
    assert max(reads for reads, _ in costs[-100:]) <= max(reads for reads, _ in costs[50:150])
    assert max(size for _, size in costs[-100:]) <= max(size for _, size in costs[50:150]) * 1.05


async def test_an_edit_of_the_first_of_hundreds_is_taken_and_an_older_one_is_not() -> None:
    driven = Driven()
    for number in range(200):
        await driven.say(f"{1000 + number}.0", None, f"message {number}", False)
        await driven.done(0, "answered")
    await driven.edit("1000.0", "5000.0", "changed")
    await driven.edit("1000.0", "4000.0", "changed before")
    await driven.edit("1000.0", "6000.0", "changed")  # to what it is
    assert said((await driven.transcript()).entries)[200:] == [("1000.0", "5000.0", "changed")]


async def test_a_summary_takes_the_place_of_its_tasks_once() -> None:
    driven = Driven()
    for number in range(digests.KEPT + 1):
        await driven.say(f"{1000 + number}.0", None, f"message {number}", False)
        task = (await driven.view()).task
        assert task is not None
        usage = p.Usage(cost_usd=1.0, known_usd=1.0)
        done = p.TaskDone(
            task=task, last_seq=number + 1, outcome="done", summary=f"did {number}", usage=usage
        )
        await session.on_task_done(driven.object.context, done)
    asked = driven.object.sent_to("fold")
    assert [d.summary for d in asked[0].digests] == [f"did {n}" for n in range(digests.KEPT - 1)]
    price = p.Usage(cost_usd=0.5, known_usd=0.5)
    news = p.Summarised(until=asked[0].digests[-1].task, summary="much", usage=price)
    for told in (news, news.model_copy(update={"summary": "twice"})):
        await session.on_summary(driven.object.context, told)
    settled = driven.object.sent_to(f"{p.SETTLE.service}.{p.SETTLE.name}")
    assert sum(one["spent_usd"] for one in settled[digests.KEPT + 1 :]) == 0.5
    unread = await driven.unread(9)
    assert (unread.summary, [d.summary for d in unread.digests]) == ("much", ["did 7", "did 8"])
    assert unread.spent_usd == digests.KEPT + 1 + 2 * 0.5  # both calls were made
    assert [d.summary for d in (await driven.transcript()).tasks] == [f"did {n}" for n in range(9)]


async def test_without_any_summary_what_is_remembered_stays_bounded() -> None:
    driven = Driven()
    for number in range(100):
        await driven.say(f"{1000 + number}.0", None, "y" * 2000, False)
        await driven.done(0, "done")  # with a long summary
    unread = await driven.unread(100)
    told = unread.summary + "".join(d.summary + d.request for d in unread.digests)
    assert len(told) <= digests.ROOM + digests.SUMMARY_CHARACTERS
    assert unread.digests[-1].task.endswith("/100")
    assert len(driven.object.state["session"]) < 120_000


async def test_feedback_on_a_task_of_long_ago_is_kept() -> None:
    driven = Driven()
    for number in range(12):
        await driven.say(f"{1000 + number}.0", None, "go", False)
        await driven.done(0, "done")
        await driven.summed()
    feedback = p.Feedback(task=f"{THREAD.key}/1", by=BEN, verdict="bad", at=1.0)
    await session.on_feedback(driven.object.context, feedback)
    await session.on_feedback(
        driven.object.context, feedback.model_copy(update={"task": f"{THREAD.key}/99"})
    )
    tasks = (await driven.transcript()).tasks
    assert [len(task.feedback) for task in tasks] == [1] + [0] * 11


async def test_deleting_a_message_that_was_only_a_file_is_seen_once() -> None:
    driven = Driven()
    await driven.say("1000.0", None, "go", False)
    await driven.say("1001.0", None, "", True)
    for edit_ts in ("1002.0", "1003.0"):
        await driven.edit("1001.0", edit_ts, "")
    assert said((await driven.transcript()).entries)[2:] == [("1001.0", "1002.0", "")]


async def test_what_stood_in_a_thread_that_was_stopped_while_it_was_read_is_context() -> None:
    driven = Driven()
    first = p.UserMessage(thread=THREAD, ts="10.0", author=ANA, text="fix that", catch_up=True)
    await session.on_message(driven.object.context, first)
    await driven.stop("12.5")
    standing = [
        p.ThreadMessage(ts=ts, author=BEN, text=text)
        for ts, text in (
            ("09.0", "the parser drops commas"), ("10.0", "fix that"), ("12.0", "in C"),
            ("13.0", "no, do it"),
        )
    ]  # fmt: skip
    so_far = p.ThreadSoFar(thread=THREAD, messages=standing[:3])
    await session.on_context(driven.object.context, so_far)
    assert (await driven.view()).task is None
    await driven.say("13.0", None, "no, do it", False)
    unread = await driven.unread(1)
    assert [m.text for m in unread.context] == ["the parser drops commas", "in C"]
    assert [m.text for m in unread.messages] == ["no, do it"]


async def test_a_secret_that_stands_in_the_thread_is_not_kept() -> None:
    driven = Driven()
    clean, raw = "use [secret]", f"use {SECRET}"
    first = p.UserMessage(thread=THREAD, ts="10.0", author=ANA, text=clean, catch_up=True)
    await session.on_message(driven.object.context, first)
    standing = [
        p.ThreadMessage(ts=ts, author=BEN, text=raw, for_us=True) for ts in ("09.0", "10.0", "11.0")
    ]
    await session.on_context(driven.object.context, p.ThreadSoFar(thread=THREAD, messages=standing))
    assert said((await driven.transcript()).entries) == [("10.0", "", clean), ("11.0", "", clean)]
    assert not any(SECRET.encode() in value for value in driven.object.state.values())
