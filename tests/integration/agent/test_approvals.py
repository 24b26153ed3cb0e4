"""Questions to people in a whole task: clicks, written replies, stops, reminders."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent import protocol as p
from local.model import Reply, call
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

RISKY = "git clean -fdX"


def risky_script(request: dict[str, Any]) -> Reply:
    if is_planning(request):
        return plan("tidy") if "never mind" not in text_of(request) else plan("other")
    if "Current step: other" in text_of(request):
        return finish("Left it.")
    return finish(json.dumps(outputs(request)[-1])) if outputs(request) else shell(RISKY)


async def outcome_of(agent: Agent) -> p.ApprovalOutcome:
    card = await agent.threads.until(p.ApprovalBody, lambda b: b.outcome is not None)
    assert card.outcome is not None
    return card.outcome


def planned_with(agent: Agent) -> str:
    """What the last planning was told."""
    return text_of([seen.body for seen in agent.model.requests if is_planning(seen.body)][-1])


async def test_a_risky_command_waits_for_the_right_person(make_agent: Any) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        assert request.command == RISKY
        while (await agent.engine.client.read(THREAD)).status != "waiting":
            await asyncio.sleep(0.02)
        wrong = await agent.answer(request, BEN, "approve")
        assert (wrong.accepted, wrong.refusal) == (False, "Only <@U0ANA> can answer this.")
        assert (await agent.answer(request, ANA, "approve")).accepted
        second = await agent.answer(request, ANA, "deny")
        assert not second.accepted
        assert second.outcome is not None
        assert second.outcome.verdict == "approved"
        result = await agent.result()
    assert result.outcome == "done"
    assert '"exit_code"' in result.summary


async def test_a_denied_command_is_not_run_and_the_model_is_told(make_agent: Any) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        assert (await agent.answer(await agent.approval(), ANA, "deny")).accepted
        result = await agent.result()
    assert "Ana denied this command." in result.summary


async def test_a_written_reply_denies_the_command_and_is_planned_with(make_agent: Any) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        await agent.say("never mind, leave it")
        outcome = await outcome_of(agent)
        late = await agent.answer(request, ANA, "approve")
        result = await agent.result()
        planned = planned_with(agent)
    assert (outcome.verdict, outcome.by, outcome.message) == ("denied", ANA, "never mind, leave it")
    assert (late.accepted, late.outcome) == (False, outcome)
    assert f"It had asked: approval of the command {RISKY}" in planned
    assert result.summary == "Left it."


async def test_a_message_of_somebody_who_may_not_answer_withdraws_the_question(
    make_agent: Any,
) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        await agent.say("never mind, leave it", BEN)
        outcome = await outcome_of(agent)
        late = await agent.answer(request, ANA, "approve")
        await agent.result()
    assert (outcome.verdict, outcome.by) == ("withdrawn", BEN)
    assert (late.accepted, late.outcome) == (False, outcome)


async def test_a_question_is_answered_by_a_reply(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("choose") if "SQLite" not in text_of(request) else plan("other")
        if "Current step: other" in text_of(request):
            return finish("With SQLite.")
        return Reply(calls=(call("ask_user", {"question": "Which store?", "options": None}),))

    async with make_agent(script) as agent:
        await agent.say("store it")
        await agent.approval()
        await agent.say("SQLite")
        outcome = await outcome_of(agent)
        result = await agent.result()
        planned = planned_with(agent)
    assert (outcome.verdict, outcome.by, outcome.message) == ("answered", ANA, "SQLite")
    assert "It had asked: Which store?" in planned
    assert result.summary == "With SQLite."


async def test_a_stop_withdraws_the_question_and_says_who_stopped(make_agent: Any) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        await agent.approval()
        await agent.engine.client.stop(p.StopRequest(thread=THREAD, by=BEN), "stop-1")
        outcome = await outcome_of(agent)
        result = await agent.result()
        view = await agent.idle()
        await agent.threads.until(p.PresenceBody, lambda b: b.state == "active")
        shown = [e for e in agent.threads.events if e.slot == "presence"]
    states = {e.rev: e.body.state for e in shown if isinstance(e.body, p.PresenceBody)}
    assert ("suspended" in states.values(), states[max(states)]) == (True, "active")
    assert (outcome.verdict, outcome.by, outcome.message) == ("withdrawn", BEN, "")
    assert (result.outcome, view.status) == ("stopped", "idle")


FOUR_EYES = """
[[rules]]
id = "discard"
decision = "ask"
four_eyes = true
reason = "throws files away"
argv = ["git", "clean"]
"""


async def test_a_rule_that_wants_four_eyes_lets_the_requester_deny_only(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(FOUR_EYES)
    monkeypatch.setenv("THREADWRIGHT_POLICY_FILE", str(tmp_path / "policy.toml"))
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        own = await agent.answer(request, ANA, "approve")
        assert (await agent.answer(request, BEN, "approve")).accepted
        result = await agent.result()
    assert "somebody else must approve it" in own.refusal
    assert '"exit_code"' in result.summary


async def test_an_approval_nobody_answers_expires(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THREADWRIGHT_APPROVAL_SECONDS", "4")
    monkeypatch.setenv("THREADWRIGHT_REMINDER_SECONDS", "1")
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        reminder = await agent.threads.until(p.NoteBody, lambda b: "Still waiting" in b.text)
        result = await agent.result()
        outcome = await outcome_of(agent)
    assert reminder.mentions == ["U0ANA"]
    assert (outcome.verdict, outcome.by) == ("expired", None)
    assert "expired" in result.summary


@pytest.mark.parametrize("scene", ["click", "reply"])
async def test_asking_replays_from_its_journal_at_every_await(make_agent: Any, scene: str) -> None:
    async with make_agent(risky_script, replay_always=True) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        if scene == "click":
            assert (await agent.answer(request, ANA, "approve")).accepted
        else:
            await agent.say("never mind")
        result = await agent.result()
        failures = await agent.engine.failures()
    assert result.outcome == "done"
    assert failures == []


async def test_a_doubt_of_the_models_is_asked_runs_nothing_and_guards_nothing(
    make_agent: Any,
) -> None:
    def doubt(action: str, command: str | None) -> Reply:
        given = {"action": action, "why": "It cannot be undone.", "command": command}
        return Reply(calls=(call("request_approval", given),))

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("clean")
        done = outputs(request)
        turns = [
            doubt("Drop the table", "touch dropped"),
            doubt("Push", "git push origin main"),
            doubt("Delete the old data", None),
            shell("ls"),
        ]
        return turns[len(done)] if len(done) < len(turns) else finish(str(done))

    async with make_agent(script) as agent:
        await agent.say("clean up")
        first = await agent.approval()
        assert (first.command, first.kind) == ("touch dropped", "command")
        assert first.question == "Drop the table (It cannot be undone.)"
        assert (await agent.answer(first, ANA, "approve")).accepted
        bodies = agent.threads
        second = await bodies.until(
            p.ApprovalBody, lambda b: b.outcome is None and b.request.approval != first.approval
        )
        assert second.request.command == "Delete the old data"
        assert (await agent.answer(second.request, ANA, "deny")).accepted
        result = await agent.result()
    assert "'approved': 'Drop the table', 'by': 'Ana'" in result.summary
    assert "'error': 'not_needed'" in result.summary
    assert "'detail': 'Ana denied this.'" in result.summary
    assert "'output': ''" in result.summary
