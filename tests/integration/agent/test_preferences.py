"""What people chose holds for the next task, and never loosens what the operator set."""

from typing import Any

import pytest

from agent import protocol as p
from local.model import Reply
from tests.integration.agent.driver import (
    ANA,
    BEN,
    THREAD,
    finish,
    is_planning,
    outputs,
    plan,
    shell,
)


def removes_a_file(request: dict[str, Any]) -> Reply:
    if is_planning(request):
        return plan("tidy")
    return finish() if outputs(request) else shell("rm -f notes.txt")


async def save(agent: Any, owner: str, by: p.Person, **chosen: Any) -> p.SaveReceipt:
    request = p.SavePreferences(chosen=p.Preferences(**chosen), by=by)
    receipt: p.SaveReceipt = await agent.engine.client.save_preferences(THREAD.team, owner, request)
    return receipt


async def test_a_persons_model_and_a_channels_caution_hold_for_the_next_task(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_MODEL", "gpt-5.5")
    monkeypatch.setenv("LLM_MODELS", "gpt-6-luna, gpt-6-astra")
    monkeypatch.setenv("THREADWRIGHT_BUDGET_USD", "5")
    async with make_agent(removes_a_file) as agent:
        assert (await save(agent, ANA.user_id, ANA, model="gpt-6-luna", budget_usd=2)).ok
        assert (await save(agent, THREAD.channel, BEN, model="gpt-6-astra", approvals="strict")).ok
        await agent.say("tidy up")
        request = await agent.approval()
        status = await agent.engine.client.task_status(f"{THREAD.key}/1")
        await agent.answer(request, ANA, "approve")
        result = await agent.result()
        shown = await agent.engine.client.preferences(THREAD.team, THREAD.channel)
    assert result.outcome == "done"
    assert "approvals are strict here" in request.question
    assert {sent.body["model"] for sent in agent.model.requests} == {"gpt-6-luna"}
    assert (status.model, status.approvals, status.budget_usd) == ("gpt-6-luna", "strict", 2)
    assert (shown.chosen.approvals, shown.by) == ("strict", BEN)
    assert shown.choices.models == ["gpt-5.5", "gpt-6-luna", "gpt-6-astra"]
    assert shown.at > 0


async def test_where_nobody_chose_the_operators_values_hold(make_agent: Any) -> None:
    async with make_agent(removes_a_file) as agent:
        await agent.say("tidy up")
        assert (await agent.result()).outcome == "done"
        assert agent.threads.bodies(p.ApprovalBody) == []


async def test_what_is_not_offered_is_refused_by_field_and_changes_nothing(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THREADWRIGHT_APPROVALS", "strict")
    monkeypatch.setenv("THREADWRIGHT_BUDGET_USD", "5")
    not_offered: dict[str, Any] = {"model": "gpt-x", "approvals": "default", "budget_usd": 5.01}
    async with make_agent(removes_a_file) as agent:
        assert (await save(agent, ANA.user_id, ANA, budget_usd=3)).ok
        refusals = [
            await save(agent, ANA.user_id, ANA, **{field: value})
            for field, value in not_offered.items()
        ]
        outsider = await save(agent, ANA.user_id, p.Person(user_id="U0OTTO", outsider=True))
        kept = await agent.engine.client.preferences(THREAD.team, ANA.user_id)
    assert [refused.field for refused in refusals] == ["model", "approvals", "budget_usd"]
    assert "at most $5.00" in refusals[2].problem
    assert not outsider.ok
    assert kept.chosen == p.Preferences(budget_usd=3)
    assert kept.choices.approvals == ["strict"]
