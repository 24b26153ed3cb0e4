"""The course of one task: what it counts, what its plan says, and what people agreed to."""

import asyncio
import json
from typing import Any

import pytest

from agent import protocol as p
from local.model import Fault, Reply, call
from tests.integration.agent.driver import (
    ANA,
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

PRICED = "gpt-5.5"


async def stop(agent: Agent) -> None:
    await agent.engine.client.stop(p.StopRequest(thread=THREAD, by=BEN), "stop-1")


async def test_what_a_stopped_step_cost_is_counted_once(make_agent: Any) -> None:
    said = [plan("only"), shell("true"), shell("sleep 60")]

    def script(request: dict[str, Any]) -> Reply:
        return said[0] if is_planning(request) else said[1 + len(outputs(request))]

    async with make_agent(script) as agent:
        await agent.say("work for long")
        await agent.running_command()
        await stop(agent)
        result = await agent.result()
    words = ["".join([r.text, *(c.name + c.arguments for c in r.calls)]) for r in said]
    assert result.usage.output == sum(len(text.encode()) // 4 + 8 for text in words)
    assert result.turns == 2


async def test_a_plan_that_is_ended_while_it_is_made_anew_does_not_say_that_it_still_is(
    make_agent: Any,
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request) and "# New messages" in text_of(request):
            return plan(question="Which one?", options=("A", "B"))
        return plan("slow") if is_planning(request) else shell("sleep 60")

    async with make_agent(script) as agent:
        await agent.say("work")
        await agent.running_command()
        await agent.say("the other one")
        await agent.approval()
        await stop(agent)
        await agent.result()
        bodies = agent.threads.bodies(p.PlanBody)
    assert any(body.note.startswith("Interrupted") for body in bodies)
    assert (bodies[-1].state, bodies[-1].note) == ("stopped", "")


async def test_a_plan_that_waits_no_more_for_consent_does_not_say_so(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request) and "# New messages" in text_of(request):
            return plan("shorter")
        return plan("long") if is_planning(request) else finish()

    async with make_agent(script) as agent:
        await agent.say("plan first: write")
        await agent.approval()
        await agent.say("shorter")
        await agent.threads.until(p.ApprovalBody, lambda b: "Shorter" in b.request.detail)
        await stop(agent)
        await agent.result()
        shown = [(body.state, body.note[:11]) for body in agent.threads.bodies(p.PlanBody)]
    assert shown[:2] == [("waiting", ""), ("working", "Interrupted")]


async def test_consent_is_to_what_a_step_does_not_to_its_number(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            reply = plan("s1")
            if "# New messages" in text_of(request):
                return Reply(text=reply.text.replace('"detail": "s1"', '"detail": "delete it"'))
            return reply
        return finish() if outputs(request) else shell("sleep 60")

    async with make_agent(script) as agent:
        await agent.say("plan first: write")
        first = await agent.approval()
        await agent.answer(first, ANA, "approve")
        await agent.running_command()
        await agent.say("no, the other thing")
        second = await agent.threads.until(
            p.ApprovalBody, lambda b: b.request.approval != first.approval
        )
        await agent.answer(second.request, ANA, "deny")
        assert (await agent.result()).outcome == "stopped"
    assert "delete it" in second.request.detail


@pytest.mark.parametrize("asks", ["question", "plan"])
async def test_nothing_is_kept_from_others_while_people_think_about_a_plan(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    monkeypatch.setenv("LLM_MODEL", PRICED)
    monkeypatch.setenv("THREADWRIGHT_BUDGET_DAY_USD", "10")

    def script(request: dict[str, Any]) -> Reply:
        asked = plan(question="Which?", options=("A", "B")) if asks == "question" else plan("s")
        return Reply(text=asked.text, model=request["model"])

    async with make_agent(script) as agent:
        await agent.say("plan first: work")
        await agent.approval()
        draw = p.Draw(
            task="T:C:9.9/1",
            channel="C",
            spent_usd=0,
            limits=[p.BudgetLine(name="day", limit_usd=10)],
        )
        async with asyncio.timeout(90):
            while not (await agent.engine.client.call(p.READ_LEDGER, "T", p.Nothing())).day_usd:
                await asyncio.sleep(0.02)
        drawn = await agent.engine.client.call(p.DRAW, "T", draw)
        await stop(agent)
        await agent.result()
    spent = drawn.lines[0].spent_usd
    assert spent > 0
    assert drawn.granted_usd == pytest.approx((10 - spent) / 10, abs=1e-5)


async def test_notes_that_cannot_be_read_stop_no_work(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("work")
        return finish() if outputs(request) else shell("echo x > AGENTS.md; chmod 000 AGENTS.md")

    async with make_agent(script) as agent:
        await agent.say("work")
        await agent.result()
        await agent.idle()
        await agent.say("and again")
        again = await agent.result(lambda r: r.task.endswith("/2"))
    assert again.outcome == "done"


async def test_notes_are_found_in_a_project_of_very_many_files(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("work")
        many = "mkdir A; touch A/{1..300}; echo Use tabs. > AGENTS.md"
        return finish() if outputs(request) else shell(many)

    async with make_agent(script) as agent:
        await agent.say("work")
        await agent.result()
        await agent.idle()
        await agent.say("and again")
        await agent.result(lambda r: r.task.endswith("/2"))
        last = [seen.body for seen in agent.model.requests if is_planning(seen.body)][-1]
    assert "> Use tabs." in text_of(last)


async def test_work_that_ends_by_leaving_out_the_rest_tells_what_was_done(
    make_agent: Any,
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("one") if "# New messages" in text_of(request) else plan("one", "two")
        if "Current step: one" in text_of(request):
            return finish("One is there.") if outputs(request) else shell("true")
        return shell("sleep 60")

    async with make_agent(script) as agent:
        await agent.say("work")
        await agent.running_command()
        await agent.say("leave out the second")
        result = await agent.result()
    assert (result.outcome, result.summary) == ("done", "One is there.")


def ended(outcome: str, *checks: str) -> Reply:
    arguments = {"outcome": outcome, "summary": "So.", "files": [], "checks": list(checks)}
    return Reply(calls=(call("finish_step", arguments),))


async def test_of_a_check_that_failed_and_passed_later_the_last_end_is_told(
    make_agent: Any,
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        mends = "# What went wrong" in text_of(request)
        if is_planning(request):
            return plan("mend") if mends else plan("try")
        if "Current step: try" in text_of(request):
            return ended("failed", "test -f a") if outputs(request) else shell("test -f a")
        rows = [shell("touch a"), shell("test -f a"), ended("done", "test -f a")]
        return rows[len(outputs(request))]

    async with make_agent(script) as agent:
        await agent.say("work")
        result = await agent.result()
    assert (result.outcome, result.checks) == ("done", ["test -f a → passed"])


async def test_a_check_that_ran_in_the_background_counts(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("check")
        done = outputs(request)
        if not done:
            arguments = {"command": "true", "workdir": None, "timeout_s": None, "background": True}
            return Reply(calls=(call("shell", arguments),))
        if len(done) == 1:
            waits = {"job_id": done[0]["job_id"], "action": "wait", "wait_s": 20}
            return Reply(calls=(call("job", waits),))
        return ended("done", "true")

    async with make_agent(script) as agent:
        await agent.say("work")
        result = await agent.result()
    assert (result.outcome, result.checks) == ("done", ["true → passed"])


async def test_a_step_that_is_finished_is_not_ended_by_calls_that_come_after(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THREADWRIGHT_STEP_CALLS", "2")

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("work")
        return Reply(calls=(*shell("true").calls, *ended("done").calls, *shell("true").calls * 5))

    async with make_agent(script) as agent:
        await agent.say("work")
        result = await agent.result()
    assert result.outcome == "done"


async def test_a_budget_that_nobody_raises_blocks_planning_as_it_blocks_a_step(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_MODEL", PRICED)
    monkeypatch.setenv("THREADWRIGHT_BUDGET_THREAD_USD", "0.000001")
    monkeypatch.setenv("THREADWRIGHT_APPROVAL_SECONDS", "1")
    monkeypatch.setenv("THREADWRIGHT_REMINDER_SECONDS", "0")

    def script(request: dict[str, Any]) -> Reply:
        return Reply(text=plan(answer="Yes.").text, model=request["model"])

    async with make_agent(script) as agent:
        await agent.say("is it?")
        await agent.result()
        await agent.idle()
        await agent.say("and now?")
        result = await agent.result(lambda r: r.task.endswith("/2"))
    assert result.outcome == "blocked"
    assert "nobody answered" in result.summary


async def test_the_status_of_a_running_step_tells_what_it_has_spent(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_MODEL", PRICED)
    monkeypatch.setenv("THREADWRIGHT_BUDGET_USD", "100")

    def script(request: dict[str, Any]) -> Reply:
        said = [shell("true"), shell("sleep 60")]
        reply = plan("only") if is_planning(request) else said[len(outputs(request))]
        return Reply(text=reply.text, calls=reply.calls, model=request["model"])

    async with make_agent(script) as agent:
        await agent.say("work for long")
        await agent.running_command()
        client, task = agent.engine.client, f"{THREAD.key}/1"
        at_plan = await client.call(p.TASK_STATUS, task, p.Nothing())
        now = await client.task_status(task)
        await stop(agent)
        result = await agent.result()
        at_end = await client.task_status(task)
    assert 0 < at_plan.usage.counted_usd < now.usage.counted_usd
    assert now.usage.cost_usd == pytest.approx(result.usage.cost_usd)
    assert [line.spent_usd for line in now.budgets] == pytest.approx([result.usage.counted_usd])
    assert at_end.usage == result.usage


async def worked(agent: Agent) -> dict[str, Any]:
    """The worker's first request, once the model has it."""
    async with asyncio.timeout(90):
        while not (seen := [r.body for r in agent.model.requests if not is_planning(r.body)]):
            await asyncio.sleep(0.02)
    return seen[0]


async def test_an_answer_that_a_stop_cuts_off_is_counted_by_what_was_sent(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_MODEL", PRICED)

    def script(request: dict[str, Any]) -> Reply:
        reply = plan("only") if is_planning(request) else finish()
        return Reply(text=reply.text, calls=reply.calls, model=request["model"])

    async with make_agent(script) as agent:
        agent.model.faults.add(Fault(kind="stall", match="role: worker"))
        await agent.say("work")
        request = await worked(agent)
        await stop(agent)
        result = await agent.result()
    sent = sum(len(json.dumps(request[part])) for part in ("instructions", "input", "tools"))
    assert result.usage.cut_off == 1
    assert sent / 5 < result.usage.input < sent / 2
    assert result.usage.cost_usd == pytest.approx(result.usage.known_usd)
    assert result.usage.cost_usd > 0


async def test_a_call_of_unknown_price_that_a_message_cuts_off_counts_for_the_budget(
    make_agent: Any,
) -> None:
    def script(request: dict[str, Any]) -> Reply:
        return plan("only") if is_planning(request) else finish()

    async with make_agent(script) as agent:
        agent.model.faults.add(Fault(kind="stall", match="role: worker"))
        await agent.say("work")
        await worked(agent)
        await agent.say("and do it well")
        result = await agent.result()
    assert (result.outcome, result.usage.cut_off, result.usage.cost_usd) == ("done", 1, None)
    assert result.usage.assumed_usd > 0
