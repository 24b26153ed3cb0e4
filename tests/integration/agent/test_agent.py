"""The durable agent over the real engine, real sandboxes and a scripted model; Slack is
recorded."""

import asyncio
import time
from typing import Any

import pytest

from agent import protocol as p
from local.model import Fault, Reply, call, say
from tests.integration.agent.driver import (
    BEN,
    THREAD,
    Agent,
    finish,
    is_planning,
    outputs,
    plan,
    shell,
    text_of,
)


async def test_a_request_becomes_a_plan_then_work_then_a_result(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("write", "check")
        done = outputs(request)
        command = "echo hi > a.txt" if "Current step: write" in text_of(request) else "cat a.txt"
        if not done:
            return shell(command)
        return finish("Said hi." if "write" in command else done[0]["output"], command)

    async with make_agent(script) as agent:
        await agent.say("say hi")
        result = await agent.result()
        view = await agent.idle()
    assert (result.outcome, result.summary.strip()) == ("done", "hi")
    assert result.checks == ["echo hi > a.txt → passed", "cat a.txt → passed"]
    assert result.usage.input > 0
    plans = agent.threads.bodies(p.PlanBody)
    assert [line.status for line in plans[-1].steps] == ["complete", "complete"]
    assert plans[-1].state == "done"
    assert (view.status, view.tasks) == ("idle", 1)


async def test_a_question_is_answered_without_a_plan(make_agent: Any) -> None:
    async with make_agent(lambda _: plan(answer="Forty-two.")) as agent:
        await agent.say("what is six times seven?")
        result = await agent.result()
    assert (result.outcome, result.summary) == ("answered", "Forty-two.")
    assert agent.threads.bodies(p.PlanBody) == []


async def test_a_message_interrupts_the_running_command_and_the_work_goes_on_anew(
    make_agent: Any,
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("first", "second") if "faster" not in text_of(request) else plan("third")
        if "Current step: third" in text_of(request):
            return finish("Third.") if outputs(request) else shell("cat marks")
        return shell("echo started >> marks; sleep 60; echo survived >> marks")

    async with make_agent(script) as agent:
        await agent.say("do it slowly")
        await agent.running_command()
        sent = time.monotonic()
        await agent.say("faster please", BEN)
        result = await agent.result()
        assert time.monotonic() - sent < 45  # the command would have gone on for a minute
        await agent.idle()
    assert result.outcome == "done"
    last = agent.threads.bodies(p.PlanBody)[-1]
    assert [(line.id, line.mark) for line in last.steps] == [
        ("first", "dropped"),
        ("second", "dropped"),
        ("third", "new"),
    ]
    assert "after Ben wrote again" in last.note
    assert [person.user_id for person in result.asked_by] == ["U0ANA", "U0BEN"]


async def test_stop_ends_the_work_and_says_who_stopped_it(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        return plan("only") if is_planning(request) else shell("sleep 60")

    async with make_agent(script) as agent:
        await agent.say("work for long")
        await agent.running_command()
        stop = p.StopRequest(thread=THREAD, by=BEN)
        await agent.engine.client.stop(stop, "stop-1")
        result = await agent.result()
        view = await agent.idle()
    assert result.outcome == "stopped"
    assert result.summary.startswith("Ben stopped it during “Only”.")
    assert view.status == "idle"
    assert agent.threads.bodies(p.PlanBody)[-1].state == "stopped"


async def test_what_the_model_gets_wrong_is_told_to_it_and_never_crashes(make_agent: Any) -> None:
    wrong: list[Reply] = [
        Reply(calls=(call("no_such_tool", {}),)),
        Reply(calls=(call("shell", {"cmd": "ls"}),)),
        Reply(
            calls=(call("read_file", {"path": "../../etc/passwd", "offset": None, "limit": None}),)
        ),
        finish("Not true.", "pytest"),
    ]

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("try")
        done = outputs(request)
        if len(done) < len(wrong):
            return wrong[len(done)]
        return finish(", ".join(output["error"] for output in done))

    async with make_agent(script) as agent:
        await agent.say("try everything")
        result = await agent.result()
    assert result.summary == "unknown_tool, bad_arguments, file, unproven_check"


async def test_a_plan_that_is_none_is_repaired_once_and_then_reported(make_agent: Any) -> None:
    answers = [say("I would rather talk."), plan("only")]

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return answers[0] if len(request["input"]) == 1 else answers[1]
        return finish("Repaired.")

    async with make_agent(script) as agent:
        await agent.say("go")
        assert (await agent.result()).summary == "Repaired."
        answers[1] = answers[0]
        await agent.idle()
        await agent.say("again")
        failed = await agent.result(lambda r: r.outcome == "failed")
    assert "no usable plan, twice" in failed.summary


async def test_a_model_that_repeats_itself_is_stopped_in_words(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        return plan("loop") if is_planning(request) else shell("true")

    async with make_agent(script) as agent:
        await agent.say("loop")
        result = await agent.result()
    assert result.outcome == "blocked"
    assert result.summary.startswith("“Loop” did not work out: The model repeated the same shell")
    assert result.continue_hint.startswith("Reply here")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=429, retry_after="1", match="role: worker"),
        Fault(kind="status", status=503, times=2),
        Fault(kind="truncate", match="role: worker"),
        Fault(kind="drop", match="role: planner"),
        Fault(kind="malformed_arguments", match="role: worker"),
        Fault(kind="unknown_tool", match="role: worker"),
        Fault(kind="incomplete", match="role: worker"),
        Fault(kind="empty", match="role: worker"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
async def test_passing_trouble_with_the_model_is_not_seen_in_the_thread(
    make_agent: Any, fault: Fault
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        return plan("only") if is_planning(request) else finish("Fine.")

    async with make_agent(script) as agent:
        agent.model.faults.add(fault)
        await agent.say("go")
        result = await agent.result()
    assert (result.outcome, result.summary) == ("done", "Fine.")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(kind="status", status=401), "key"),
        (Fault(kind="html"), "openai_base_url"),
        (Fault(kind="refusal"), "refused"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_lasting_trouble_with_the_model_ends_in_a_sentence(
    make_agent: Any, fault: Fault, words: str
) -> None:
    async with make_agent(lambda _: plan("only")) as agent:
        agent.model.faults.add(fault)
        await agent.say("go")
        result = await agent.result()
        view = await agent.idle()
    assert result.outcome == "failed"
    assert words in result.summary.lower()
    assert view.status == "idle"


async def test_messages_at_random_moments_are_each_read_once_and_in_order(make_agent: Any) -> None:
    """Several quick messages, some delivered twice: one task at a time reads each of them once."""

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("note")
        return finish("ok") if outputs(request) else shell("sleep 0.2")

    async with make_agent(script) as agent:
        for number in range(8):
            await agent.say(f"message {number}")
            if number % 3 == 0:
                agent._ts -= 1
                await agent.say(f"message {number}")  # Slack delivers again
            await asyncio.sleep(0.15)
        await agent.taken_in("message 7")
        async with asyncio.timeout(90):
            while (view := await agent.idle()).unread or await states(agent) != {"completed"}:
                await asyncio.sleep(0.02)
        digests = await agent.engine.client.call(
            p.READ_UNREAD, THREAD.key, p.ReadRequest(after_seq=0)
        )
    assert view.messages == 8
    assert [m.text for m in digests.messages] == [f"message {n}" for n in range(8)]
    asked = " / ".join(digest.request for digest in digests.digests)
    assert asked == " / ".join(f"Ana: message {n}" for n in range(8))


async def states(agent: Agent) -> set[str]:
    """Of all tasks there were."""
    rows = await agent.engine.query(
        "select status from sys_invocation"
        " where target_service_name = 'Task' and target_handler_name = 'run'"
    )
    return {row["status"] for row in rows}


@pytest.mark.parametrize("scene", ["plain", "interrupt"])
async def test_handlers_replay_from_their_journal_at_every_await(
    make_agent: Any, scene: str
) -> None:
    """Every await suspends and replays, so any non-determinism would surface as a failure."""

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("work") if "instead" not in text_of(request) else plan("other")
        if "Current step: other" in text_of(request) or outputs(request):
            return finish("Fine.")
        return shell({"plain": "true", "interrupt": "sleep 2"}[scene])

    async with make_agent(script, replay_always=True) as agent:
        await agent.say("go")
        if scene == "interrupt":
            await agent.running_command()
            await agent.say("do this instead")
        result = await agent.result()
        failures = await agent.engine.failures()
    assert result.summary == "Fine."
    assert failures == []
