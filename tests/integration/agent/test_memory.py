"""A long thread: what is kept, what the model is told of it, and what a message costs."""

import asyncio
import json
from typing import Any

import aiohttp

from agent import digests
from agent import protocol as p
from local.model import Fault, Reply, say
from tests.bench import memory as bench
from tests.integration.agent.driver import BEN, THREAD, Agent, is_planning, plan, text_of

TASKS = digests.KEPT + 1
SUMMARY = "Goal: a parser. People: Ana likes it short."


def answers(request: dict[str, Any]) -> Reply:
    if "role: memory" in request["instructions"]:
        return say(SUMMARY)
    return plan(answer=f"Answer to {text_of(request)[-20:]}")


async def ask(agent: Agent, number: int) -> None:
    await agent.deliver(f"{1000 + number}.000000", f"question {number}")
    await agent.result(lambda r: r.task.endswith(f"/{number + 1}"))
    await agent.idle()


async def ask_often(agent: Agent, count: int) -> None:
    for number in range(count):
        await ask(agent, number)


async def background(agent: Agent) -> p.Unread:
    return await agent.engine.client.call(p.READ_UNREAD, THREAD.key, p.ReadRequest(after_seq=999))


async def summary(agent: Agent) -> p.Unread:
    """Once the oldest tasks are summarised."""
    async with asyncio.timeout(20):
        while not (unread := await background(agent)).summary:
            await asyncio.sleep(0.02)
    return unread


def planned(agent: Agent) -> list[str]:
    return [text_of(seen.body) for seen in agent.model.requests if is_planning(seen.body)]


async def test_the_oldest_tasks_become_a_summary_that_the_next_plan_knows(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        await ask_often(agent, TASKS)
        unread = await summary(agent)
        before = await agent.engine.client.read(THREAD)
        await ask(agent, TASKS)
        asked = [text_of(s.body) for s in agent.model.requests if "# Finished" in text_of(s.body)]
        kept = await agent.engine.client.transcript(THREAD)
    assert (unread.summary, len(unread.digests)) == (SUMMARY, digests.LEFT)
    assert len(asked) == 1
    assert "- asked: Ana: question 0" in asked[0]
    assert f"> {SUMMARY}" in planned(agent)[-1]
    assert "asked: Ana: question 0" not in planned(agent)[-1]
    assert [entry.text for entry in kept.entries] == [f"question {n}" for n in range(TASKS + 1)]
    assert [task.last_seq for task in kept.tasks] == list(range(1, TASKS + 2))
    assert before.tasks == TASKS


async def test_without_a_model_that_summarises_the_first_lines_are_the_summary(
    make_agent: Any,
) -> None:
    async with make_agent(answers) as agent:
        agent.model.faults.add(Fault(kind="status", status=401, match="role: memory", times=99))
        await ask_often(agent, TASKS)
        unread = await summary(agent)
    assert unread.summary.splitlines()[0].startswith("- answered: Answer to")
    assert "(asked: Ana: question 0)" in unread.summary
    assert len(unread.digests) == digests.LEFT


async def test_a_session_of_the_last_release_goes_on(make_agent: Any) -> None:
    """Its state as it was written then: one value with everything."""
    person = {"user_id": "U0ANA", "name": "Ana"}
    entries = [
        {"seq": n, "ts": f"{1000 + n}.000000", "author": person, "text": f"question {n}"}
        for n in range(1, 61)
    ]
    state = {
        "thread": THREAD.model_dump(), "title": "Question 1", "initiator": person,
        "entries": entries, "task_number": 1, "consumed_seq": 60, "told_seq": 60,
        "digests": [{"task": f"{THREAD.key}/1", "outcome": "done", "summary": "did it"}],
        "usage": {"cost_usd": 0.5},
    }  # fmt: skip
    async with make_agent(answers) as agent:
        await write_state(agent, {"session": state})
        await agent.deliver("1007.000000", "question 7", client_msg_id="again")
        await agent.edit("1007.000000", "question 7, changed", "2000.000000", BEN)
        result = await agent.result()
        view = await agent.idle()
        kept = await agent.engine.client.transcript(THREAD)
        keys = {row["key"] for row in await agent.engine.query("select key from state")}
    assert result.task == f"{THREAD.key}/2"
    assert (view.messages, view.unread, view.tasks) == (61, 0, 2)
    assert [entry.text for entry in kept.entries][5:8] == ["question 6", "question 7", "question 8"]
    assert kept.entries[-1].text == "question 7, changed"
    assert kept.tasks[0].summary == "did it"
    assert {"transcript/0", "transcript/1", "message/1007.000000", "task/2"} <= keys


async def write_state(agent: Agent, values: dict[str, Any]) -> None:
    url = f"{agent.engine.server.admin_url}/services/Session/state"
    new = {name: list(json.dumps(value).encode()) for name, value in values.items()}
    async with aiohttp.ClientSession() as http:
        body = {"object_key": THREAD.key, "new_state": new}
        async with http.post(url, json=body) as response:
            response.raise_for_status()
    async with asyncio.timeout(10):
        while not (await agent.engine.client.read(THREAD)).exists:
            await asyncio.sleep(0.02)


async def test_a_long_thread_is_as_cheap_as_a_short_one() -> None:
    """Bytes, which are exact; `make bench` measures time."""
    costs = await bench.long_thread(17, messages_per_task=3)
    assert costs.summaries == 2
    assert max(costs.prompt_bytes[10:]) < max(costs.prompt_bytes[:10]) * 1.2
    assert max(costs.journal_bytes[30:]) < max(costs.journal_bytes[:30]) * 1.2
    assert max(costs.state_bytes.values()) < 32_000
    assert {"transcript/0", "transcript/1"} <= set(costs.state_bytes)
