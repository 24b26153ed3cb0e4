"""What a session keeps, under any order of messages, edits, stops and ends of tasks."""

import pytest

from agent import digests, history, session
from agent import protocol as p
from tests.unit.agent.driven_session import ANA, BEN, SECRET, THREAD, Driven, gestures, said

pytestmark = pytest.mark.usefixtures("known_secret")


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
