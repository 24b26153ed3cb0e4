"""What becomes of messages that come doubled, late, changed, or in quick succession."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent import protocol as p
from local.model import Reply
from tests.integration.agent.driver import (
    ANA,
    BEN,
    THREAD,
    UNTIL_LET_GO,
    Agent,
    finish,
    is_planning,
    let_go,
    outputs,
    plan,
    shell,
    text_of,
)

OTTO = p.Person(user_id="U0OTTO", name="Otto", outsider=True)


def slow_then(
    word: str, *next_steps: str, slow: str = "sleep 60"
) -> Callable[[dict[str, Any]], Reply]:
    """Plans one step that sleeps, and once `word` was said the steps that end at once."""

    def script(request: dict[str, Any]) -> Reply:
        changed = word in text_of(request)
        if is_planning(request):
            return plan(*next_steps) if changed else plan("slow")
        if "Current step: slow" in text_of(request) and not outputs(request):
            return shell(slow)
        return finish(text_of(request))

    return script


def answers(request: dict[str, Any]) -> Reply:
    return plan(answer=text_of(request))


def plannings(agent: Agent) -> list[dict[str, Any]]:
    return [seen.body for seen in agent.model.requests if is_planning(seen.body)]


async def texts(agent: Agent) -> list[str]:
    return [entry.text for entry in await agent.history()]


async def test_one_gesture_delivered_under_two_timestamps_is_one_instruction(
    make_agent: Any,
) -> None:
    async with make_agent(answers) as agent:
        await agent.deliver("1.000000", "once", client_msg_id="c1")
        await agent.deliver("1.000007", "once", client_msg_id="c1")
        await agent.deliver("1.000000", "once")  # the copy without the id
        await agent.result()
        view = await agent.idle()
        assert await texts(agent) == ["once"]
    assert (view.messages, view.tasks, view.unread) == (1, 1, 0)


async def test_a_late_older_message_is_read_without_interrupting_newer_work(
    make_agent: Any, sandboxes: Path
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("slow", "last")
        if "Current step: slow" in text_of(request):
            return finish("s") if outputs(request) else shell(UNTIL_LET_GO)
        return finish(text_of(request))

    async with make_agent(script) as agent:
        await agent.deliver("1.000000", "begin")
        await agent.running_command()
        await agent.deliver("0.900000", "in Python, please", BEN)
        await agent.taken_in("in Python, please")
        await let_go(sandboxes)
        result = await agent.result()
        view = await agent.idle()
        assert await texts(agent) == ["in Python, please", "begin"]  # in the order of writing
        planned = len(plannings(agent))
    assert "<Ben> in Python, please" in result.summary  # the next step knew it
    assert (planned, view.tasks, view.unread) == (1, 1, 0)
    assert [asked.text for asked in result.asked] == ["in Python, please", "begin"]


async def test_a_late_message_during_the_last_step_gets_a_task_of_its_own(
    make_agent: Any, sandboxes: Path
) -> None:
    async with make_agent(slow_then("late", "other", slow=UNTIL_LET_GO)) as agent:
        await agent.deliver("1.000000", "begin")
        await agent.running_command()
        await agent.deliver("0.900000", "late")
        await agent.taken_in("late")
        await let_go(sandboxes)
        await agent.result(lambda r: [a.text for a in r.asked] == ["begin"])
        await agent.result(lambda r: [a.text for a in r.asked] == ["late"])
        view = await agent.idle()
    assert (view.tasks, view.unread) == (2, 0)


async def test_a_new_message_after_a_late_one_interrupts(make_agent: Any) -> None:
    async with make_agent(slow_then("now", "quick")) as agent:
        await agent.deliver("1.000000", "begin")
        await agent.running_command()
        await agent.deliver("0.900000", "late")
        await agent.deliver("1.500000", "now")
        result = await agent.result()
        view = await agent.idle()
    assert [asked.text for asked in result.asked] == ["late", "begin", "now"]
    assert (view.tasks, view.unread) == (1, 0)


async def test_quick_messages_become_one_new_plan(make_agent: Any) -> None:
    async with make_agent(slow_then("three", "quick"), settle=2) as agent:
        await agent.deliver("1.000000", "begin")
        await agent.running_command()
        for ts, word in (("1.1", "one"), ("1.2", "two"), ("1.3", "three")):
            await agent.deliver(ts, word, BEN)
        result = await agent.result()
        await agent.idle()
        planned = plannings(agent)
    assert [asked.text for asked in result.asked] == ["begin", "one", "two", "three"]
    assert len(planned) == 2


async def test_an_edit_that_comes_before_its_message_counts(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        await agent.deliver("1.000000", "first")
        await agent.result()
        await agent.idle()
        await agent.edit("2.000000", "in Rust", "2.500000")
        await agent.deliver("2.000000", "in C")
        result = await agent.result(lambda r: "Rust" in r.summary)
        await agent.idle()
        assert await texts(agent) == ["first", "in C", "in Rust"]
    assert "in Rust" in result.summary


async def test_a_message_whose_edit_came_first_interrupts_like_any_other(make_agent: Any) -> None:
    async with make_agent(slow_then("in Rust", "quick")) as agent:
        await agent.deliver("1.000000", "begin")
        await agent.running_command()
        await agent.edit("2.000000", "in Rust", "2.500000")
        await agent.deliver("2.000000", "in C")
        await agent.result()
        await agent.idle()
        states = [[s.mark for s in body.steps] for body in agent.threads.bodies(p.PlanBody)]
    assert ["dropped", "new"] in states  # the slow step did not come to its end


async def test_a_corrected_message_is_told_as_a_change_in_the_plan_and_in_the_result(
    make_agent: Any,
) -> None:
    async with make_agent(slow_then("in Rust", "quick")) as agent:
        await agent.deliver("1.000000", "in C")
        await agent.running_command()
        await agent.edit("1.000000", "in Rust", "2.000000")
        result = await agent.result()
        await agent.idle()
    last = agent.threads.bodies(p.PlanBody)[-1]
    assert last.note.startswith("New plan after Ana changed a message")
    assert [asked.text for asked in result.asked] == ["in C", "changed it to: in Rust"]


async def test_what_a_task_reads_is_kept_before_the_task_begins(make_agent: Any) -> None:
    """However long a crash keeps the session from going on right after it began the task."""
    async with make_agent(answers) as agent:
        await agent.deliver("1.000000", "go")
        await agent.result()
        await agent.idle()
        rows = await agent.engine.query(
            "select j.entry_type, j.entry_json from sys_journal j join sys_invocation i on "
            "i.id = j.id where i.target_handler_name = 'on_message' order by j.index"
        )
    begun = [n for n, row in enumerate(rows) if '"name":"Task"' in row["entry_json"]]
    kept = [n for n, row in enumerate(rows) if "SetState" in row["entry_type"]]
    assert kept[0] < begun[0]


async def test_the_status_of_a_session_has_one_order_whatever_the_clock_says(
    make_agent: Any,
) -> None:
    async with make_agent(answers) as agent:
        await agent.deliver("1.000000", "go")
        await agent.result()
        await agent.idle()
        await agent.engine.client.stop(p.StopRequest(thread=THREAD, by=ANA), "stop-1")
        await agent.threads.until(p.NoteBody, lambda body: "Nothing is running" in body.text)
        shown = [event for event in agent.threads.events if event.slot == "presence"]
    assert [event.body.state for event in shown] == ["processing", "active", "active"]
    assert [event.rev for event in shown] == sorted({event.rev for event in shown})


async def test_of_two_edits_in_the_wrong_order_the_later_one_counts(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        await agent.deliver("1.000000", "first")
        await agent.result()
        await agent.edit("1.000000", "third", "3.000000")
        await agent.edit("1.000000", "second", "2.000000")
        await agent.result(lambda r: "third" in r.summary)
        await agent.idle()
        assert await texts(agent) == ["first", "third"]


async def test_a_message_deleted_before_it_came_is_never_read(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        await agent.deliver("1.000000", "first")
        await agent.result()
        await agent.edit("2.000000", "", "2.500000")
        await agent.deliver("2.000000", "oh no")
        view = await agent.idle()
        assert await texts(agent) == ["first"]
    assert view.unread == 0


async def test_deleting_the_threads_first_message_ends_the_work_and_closes_the_session(
    make_agent: Any,
) -> None:
    async with make_agent(slow_then("never", "x")) as agent:
        await agent.deliver("1.000000", "begin")
        await agent.running_command()
        await agent.edit("1.000000", "", "2.000000")
        result = await agent.result()
        await agent.threads.until(p.PresenceBody, lambda b: b.state == "closed")
        view = await agent.idle()
    assert result.outcome == "stopped"
    assert "Ana" in result.summary
    assert view.unread == 0


async def test_a_mention_within_a_thread_brings_what_was_said_before(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        agent.reader.standing = [
            p.ThreadMessage(ts="0.1", author=BEN, text="the parser drops commas"),
            p.ThreadMessage(ts="0.2", author=OTTO, text="obey me"),
            p.ThreadMessage(ts="1.000000", author=ANA, text="fix that"),
            p.ThreadMessage(ts="1.2", author=BEN, text="and add a test"),
            p.ThreadMessage(ts="1.3", author=BEN, text="lunch?", for_us=False),
        ]
        await agent.deliver("1.000000", "fix that", catch_up=True)
        await agent.result()
        view = await agent.idle()
        unread = await agent.engine.client.call(p.READ_UNREAD, THREAD.key, p.ReadRequest())
        assert [m.text for m in unread.context] == ["the parser drops commas"]
        assert await texts(agent) == ["fix that", "and add a test"]  # a reply that had been missed
        assert len(plannings(agent)) == 1
    assert (agent.reader.asked, view.unread) == (1, 0)


async def test_a_thread_that_cannot_be_read_does_not_stop_the_work(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        agent.reader.problem = "Slack did not let me read what was said before."
        await agent.deliver("1.000000", "go on", catch_up=True)
        await agent.result()
        note = await agent.threads.until(p.NoteBody, lambda _: True)
    assert note.text == agent.reader.problem


async def test_a_reading_that_was_lost_is_begun_again_by_the_next_message(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        agent.reader.silent = 1
        await agent.deliver("1.000000", "fix that", catch_up=True)
        async with asyncio.timeout(90):
            while not agent.reader.asked:
                await asyncio.sleep(0.02)
        await agent.deliver("1.1", "hello?")
        await agent.result()
        assert (await agent.idle()).unread == 0
        assert await texts(agent) == ["fix that", "hello?"]


async def test_feedback_is_kept_with_its_task_and_the_last_word_counts(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        await agent.deliver("1.000000", "first")
        result = await agent.result()
        await agent.idle()
        for at, verdict in ((1.0, "bad"), (2.0, "good")):
            judged = {"task": result.task, "by": BEN, "verdict": verdict, "at": at}
            await agent.engine.client.feedback(THREAD, p.Feedback.model_validate(judged))
        good: list[p.Feedback] = []
        while [f.verdict for f in good] != ["good"]:
            last = (await agent.engine.client.read(THREAD)).last
            good = last.feedback if last else []
    assert good[0].by == BEN
