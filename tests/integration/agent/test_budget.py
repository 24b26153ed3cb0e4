"""Budgets over the real engine: a card when one is reached, and what becomes of each answer."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent import protocol as p
from agent.llm import cost_usd
from agent.llm.types import Usage
from local.model import Fault, Reply
from tests.integration.agent.driver import (
    ANA,
    BEN,
    THREAD,
    Agent,
    finish,
    is_planning,
    plan,
    shell,
)

PRICED, CHEAP, UNKNOWN = "gpt-5.5", "gpt-6-luna", "scripted-demo"
OTHER = p.ThreadRef(team=THREAD.team, channel=THREAD.channel, root_ts="2.000000")
THREADS = (THREAD, OTHER)
CALLS = 6
"""Of a task that nothing stops; one makes the plan."""


def work(request: dict[str, Any]) -> Reply:
    """Some commands, each of another kind; priced as the model that is asked."""
    if is_planning(request):
        reply = plan("work")
    elif len(request["input"]) > 2 * (CALLS - 2):
        reply = finish()
    else:
        reply = shell(f"echo {len(request['input'])}")
    return replace(reply, model=request["model"])


def with_budget(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    monkeypatch.setenv("LLM_MODEL", PRICED)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


async def card(agent: Agent, number: int = 1) -> p.ApprovalRequest:
    """The one that is asked so manyth."""

    def asked() -> list[p.ApprovalRequest]:
        cards = agent.threads.bodies(p.ApprovalBody)
        return [body.request for body in cards if body.outcome is None]

    await agent.threads.until(p.ApprovalBody, lambda _: len(asked()) >= number)
    return asked()[number - 1]


async def choose(agent: Agent, request: p.ApprovalRequest, word: str, by: p.Person = ANA) -> None:
    option = next(option for option in request.options if option.startswith(word))
    assert (await agent.answer(request, by, "answer", option)).accepted


async def go_on(agent: Agent, answered: int, by: p.Person = ANA) -> int:
    """Click Continue on every card but the first `answered`, until no work is left; how many."""
    async with asyncio.timeout(90):
        while True:
            cards = [body.request for body in agent.threads.bodies(p.ApprovalBody)]
            asked = list({request.approval: request for request in cards}.values())
            for request in asked[answered:]:
                await choose(agent, request, "Continue", by)
            answered = len(asked)
            if all([(await agent.engine.client.read(t)).status == "idle" for t in THREADS]):
                return answered
            await asyncio.sleep(0.05)


async def waiting(agent: Agent) -> None:
    async with asyncio.timeout(90):
        while (await agent.engine.client.read(THREAD)).status != "waiting":
            await asyncio.sleep(0.02)


async def spending(agent: Agent) -> p.Spending:
    return await agent.engine.client.call(p.READ_LEDGER, THREAD.team, p.Nothing())


def cost_of(agent: Agent, made: int) -> float:
    """More than any `made` calls of these tests cost."""
    largest = max(len(json.dumps(seen.body)) for seen in agent.model.requests)
    return made * (cost_usd(Usage(input=largest // 3, output=200), PRICED) or 0.0)


async def test_a_task_that_reaches_its_budget_waits_and_goes_on_with_a_click(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(monkeypatch, THREADWRIGHT_BUDGET_USD="0.01")
    async with make_agent(work) as agent:
        await agent.say("work")
        request = await card(agent)
        made = len(agent.model.requests)
        await waiting(agent)
        assert len(agent.model.requests) == made < CALLS
        by_ben = await agent.answer(request, BEN, "answer", request.options[0])
        await go_on(agent, 0)
        result = await agent.result()
        view = await agent.idle()
        today = await spending(agent)
        most = cost_of(agent, 1)
    assert request.kind == "budget"
    assert request.options == ["Continue with $0.01 more", "Stop"]
    assert request.question.startswith(
        f"The budget of this task is used up, lately by calls of {PRICED}."
    )
    assert request.budget is not None
    assert 0.01 <= request.budget.spent_usd < 0.01 + most
    assert by_ben.refusal == "Only <@U0ANA> can answer this."
    assert result.outcome == "done"
    assert result.usage.cost_usd == pytest.approx(today.day_usd, abs=1e-6)
    assert view.total_cost_usd == pytest.approx(result.usage.cost_usd)
    assert today.channels == {THREAD.channel: today.day_usd}


async def test_the_cheaper_model_is_really_asked_from_then_on(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(monkeypatch, THREADWRIGHT_BUDGET_USD="0.01", LLM_MODEL_CHEAP=CHEAP)
    async with make_agent(work) as agent:
        await agent.say("work")
        request = await card(agent)
        made = len(agent.model.requests)
        await choose(agent, request, "Use")
        result = await agent.result()
        models = [seen.body["model"] for seen in agent.model.requests]
        status = await agent.engine.client.task_status(result.task)
    assert request.options[1] == f"Use {CHEAP}, with $0.01 more"
    assert models == [PRICED] * made + [CHEAP] * (CALLS - made)
    assert (result.outcome, status.model) == ("done", CHEAP)
    assert [line.limit_usd for line in status.budgets] == [0.02]


async def test_a_stop_on_the_card_ends_the_work_and_says_who_chose_it(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(monkeypatch, THREADWRIGHT_BUDGET_USD="0.01")
    async with make_agent(work) as agent:
        await agent.say("work")
        await choose(agent, await card(agent), "Stop")
        result = await agent.result()
    assert result.outcome == "stopped"
    assert "Ana stopped the work at the budget of this task ($0.01)" in result.summary


async def test_a_card_that_nobody_answers_ends_the_work_with_what_to_do(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(
        monkeypatch,
        THREADWRIGHT_BUDGET_USD="0.000001",
        THREADWRIGHT_APPROVAL_SECONDS="1",
        THREADWRIGHT_REMINDER_SECONDS="0",
    )
    async with make_agent(work) as agent:
        await agent.say("work")
        result = await agent.result()
    assert result.outcome == "blocked"
    assert "nobody answered within 1 seconds" in result.summary
    assert "write again, and I ask again" in result.summary


async def test_a_written_reply_spends_nothing_and_is_asked_about_anew(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(monkeypatch, THREADWRIGHT_BUDGET_USD="0.01")
    async with make_agent(work) as agent:
        await agent.say("work")
        first = await card(agent)
        made = len(agent.model.requests)
        await agent.say("yes, $5 more")
        again = await card(agent, 2)
        closed = await agent.threads.until(p.ApprovalBody, lambda body: body.outcome is not None)
        assert len(agent.model.requests) == made
        await choose(agent, again, "Stop")
        await agent.result()
    assert closed.request.approval == first.approval != again.approval
    assert closed.outcome is not None
    assert (closed.outcome.verdict, closed.outcome.message) == ("answered", "yes, $5 more")


async def test_an_account_without_credit_waits_for_those_who_look_after_it(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(monkeypatch, THREADWRIGHT_APPROVERS=BEN.user_id)
    async with make_agent(work) as agent:
        agent.model.fail(Fault(kind="insufficient_quota"))
        await agent.say("work")
        request = await card(agent)
        by_ana = await agent.answer(request, ANA, "answer", "Try again")
        await choose(agent, request, "Try again", by=BEN)
        result = await agent.result()
    assert "no budget left" in request.question
    assert (request.budget, request.options) == (None, ["Try again", "Stop"])
    assert by_ana.refusal == "Only <@U0BEN> can answer this."
    assert result.outcome == "done"


async def test_tokens_of_a_model_without_a_price_count_at_the_price_that_is_assumed(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(monkeypatch, THREADWRIGHT_BUDGET_USD="0.01", LLM_MODEL=UNKNOWN)
    async with make_agent(work) as agent:
        await agent.say("work")
        request = await card(agent)
        await choose(agent, request, "Stop")
        result = await agent.result()
    assert "counted at $10.00 per million" in request.question
    assert result.usage.cost_usd is None
    tokens = result.usage.input + result.usage.output
    assert result.usage.assumed_usd == pytest.approx(tokens * 10 / 1e6)


async def test_prices_of_the_operators_own_go_before_the_known_ones(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(f'[models."{PRICED}"]\ninput = 0\noutput = 0\n')
    with_budget(
        monkeypatch, THREADWRIGHT_BUDGET_USD="0.000001", THREADWRIGHT_PRICES_FILE=str(prices)
    )
    async with make_agent(work) as agent:
        await agent.say("work")
        result = await agent.result()
    assert (result.outcome, result.usage.cost_usd) == ("done", 0.0)


async def test_two_threads_share_the_budget_of_their_channel(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(
        monkeypatch, THREADWRIGHT_BUDGET_CHANNEL_USD="0.02", THREADWRIGHT_APPROVERS=BEN.user_id
    )
    async with make_agent(work) as agent:
        await agent.say("work")
        there = p.UserMessage(thread=OTHER, ts="2.000000", author=ANA, text="work")
        await agent.engine.client.send_message(there)
        await card(agent)
        first = await card(agent, 2)  # both wait
        made = len(agent.model.requests)
        while (today := await spending(agent)).day_usd < 0.02:
            await asyncio.sleep(0.02)
        by_ana = await agent.answer(first, ANA, "answer", first.options[0])
        most = cost_of(agent, 2)
        assert len(agent.model.requests) == made < 2 * CALLS
        await go_on(agent, 0, by=BEN)
        costs = [(await agent.engine.client.read(t)).total_cost_usd for t in THREADS]
        after = await spending(agent)
    assert first.question.startswith("Today's budget of this channel is used up")
    assert by_ana.refusal == "Only <@U0BEN> can answer this."
    assert today.day_usd < 0.02 + most
    assert after.channels[THREAD.channel] == pytest.approx(sum(costs), abs=1e-5)


async def test_a_waiting_card_survives_the_engine_and_replays_at_every_await(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(monkeypatch, THREADWRIGHT_BUDGET_USD="0.01", THREADWRIGHT_BUDGET_DAY_USD="100")
    async with make_agent(work, replay_always=True) as agent:
        await agent.say("work")
        request = await card(agent)
        await waiting(agent)
        await agent.engine.server.kill()
        await agent.engine.server.start()
        await choose(agent, request, "Continue")
        await go_on(agent, 1)
        result = await agent.result()
        failures = await agent.engine.failures()
        draws = await agent.engine.query(
            "select id from sys_invocation where target_handler_name = 'draw'"
        )
    assert (result.outcome, failures) == ("done", [])
    assert len(draws) < CALLS


async def test_without_a_budget_the_same_work_goes_on_and_asks_no_ledger(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget(monkeypatch)
    async with make_agent(work) as agent:
        await agent.say("work")
        result = await agent.result()
        await agent.idle()
        asked = await agent.engine.query(
            "select target_handler_name from sys_invocation where target_service_name = 'Ledger'"
        )
    assert result.outcome == "done"
    assert [row["target_handler_name"] for row in asked] == ["settle"]
