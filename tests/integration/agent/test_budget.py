"""A task does not cost more than its budget, by one call of the model at most."""

from dataclasses import replace
from typing import Any

import pytest

from agent.llm.pricing import cost_usd
from agent.llm.types import Usage
from local.model import Reply
from tests.integration.agent.driver import finish, is_planning, plan, shell

PRICED = "gpt-5.5"


def endless(request: dict[str, Any]) -> Reply:
    """Each command differs, so that nothing but the budget ends it."""
    if is_planning(request):
        return replace(plan("work"), model=PRICED)
    return replace(shell(f"echo {len(request['input'])}"), model=PRICED)


async def test_a_task_that_reaches_its_budget_ends_in_a_sentence(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cost_usd(Usage(input=1000, output=100), PRICED)  # it has a price
    monkeypatch.setenv("THREADWRIGHT_BUDGET_USD", "0.02")
    async with make_agent(endless) as agent:
        await agent.say("work without end")
        result = await agent.result()
        view = await agent.idle()
        calls = len(agent.model.requests)
    assert result.outcome == "blocked"
    assert "reached its budget of $0.02" in result.summary
    assert result.usage.cost_usd is not None
    assert 0.02 <= result.usage.cost_usd < 0.02 + result.usage.cost_usd / calls * 3
    assert view.total_cost_usd == pytest.approx(result.usage.cost_usd)


async def test_without_a_budget_the_same_work_goes_on(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if len(request["input"]) > 12:
            return replace(finish(), model=PRICED)
        return endless(request)

    async with make_agent(script) as agent:
        await agent.say("work")
        assert (await agent.result()).outcome == "done"
