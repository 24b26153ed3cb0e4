"""An attempt that only waits gives its process back; one that works is left alone."""

import asyncio
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import restate
from pydantic import BaseModel

from sandbox import durable
from tests.fakes.restate import Engine
from tests.integration.agent.driver import ANA, finish, is_planning, outputs, plan, shell

IDLE_SECONDS = 0.4
LONG = timedelta(hours=1)

done: list[str] = []
worker = restate.Workflow("Worker", inactivity_timeout=LONG, abort_timeout=LONG)


class Done(BaseModel):
    what: str


async def effect(ctx: restate.Context, name: str, seconds: float) -> None:
    async def body() -> Done:
        done.append(f"{name} began")
        await asyncio.sleep(seconds)
        done.append(f"{name} ended")
        return Done(what=name)

    await durable.run(ctx, name, body, restate.RunOptions(type_hint=Done))


@worker.main()
async def ask(ctx: restate.WorkflowContext, seconds: float) -> str:
    await effect(ctx, "work", seconds)
    return await ctx.promise("answer", type_hint=str).value()


@worker.handler()
async def answer(ctx: restate.WorkflowSharedContext, said: str) -> None:
    await ctx.promise("answer", type_hint=str).resolve(said)


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()


async def post(engine: Engine, path: str, body: object) -> dict[str, str]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{engine.server.ingress_url}/restate/{path}", json=body) as response,
    ):
        response.raise_for_status()
        found: dict[str, str] = await response.json() if response.content_length else {}
        return found


async def status(engine: Engine, key: str) -> str:
    rows = await engine.query(
        f"select status from sys_invocation where target = 'Worker/{key}/ask'"
    )
    return str(rows[0]["status"]) if rows else ""


async def until_status(engine: Engine, key: str, wanted: str) -> None:
    async with asyncio.timeout(30):
        while await status(engine, key) != wanted:
            await asyncio.sleep(0.05)


async def test_who_waits_for_people_holds_no_process_and_goes_on_with_the_answer(
    engine: Engine,
) -> None:
    async with engine.serve([worker], idle_seconds=IDLE_SECONDS):
        await post(engine, "send/Worker/waits/ask", 0.0)
        await until_status(engine, "waits", "suspended")
        await post(engine, "call/Worker/waits/answer", "yes")
        await until_status(engine, "waits", "completed")
    assert done == ["work began", "work ended"]


async def test_long_work_is_not_disturbed(engine: Engine) -> None:
    async with engine.serve([worker], idle_seconds=IDLE_SECONDS):
        await post(engine, "send/Worker/works/ask", 6 * IDLE_SECONDS)
        seen = set()
        async with asyncio.timeout(30):
            while "work ended" not in done:
                seen.add(await status(engine, "works"))
                await asyncio.sleep(0.05)
        await until_status(engine, "works", "suspended")
    assert done == ["work began", "work ended"]
    assert "suspended" not in seen


async def test_a_stop_reaches_work_that_is_long_past_that_time(engine: Engine) -> None:
    async with engine.serve([worker], idle_seconds=IDLE_SECONDS):
        begun = await post(engine, "send/Worker/stops/ask", 600.0)
        async with asyncio.timeout(30):
            while "work began" not in done:
                await asyncio.sleep(0.05)
        await asyncio.sleep(4 * IDLE_SECONDS)  # that time is what is tried
        async with aiohttp.ClientSession() as http:
            url = f"{engine.server.admin_url}/invocations/{begun['invocationId']}/cancel"
            async with http.patch(url) as response:
                response.raise_for_status()
        await until_status(engine, "stops", "completed")
    assert done == ["work began"]


async def test_an_answer_in_the_moment_of_suspending_is_never_lost(engine: Engine) -> None:
    """Answers at all distances around that time."""
    async with engine.serve([worker], idle_seconds=IDLE_SECONDS):

        async def once(number: int) -> None:
            await post(engine, f"send/Worker/moment-{number}/ask", 0.0)
            await asyncio.sleep(IDLE_SECONDS + number * IDLE_SECONDS / 40)
            await post(engine, f"call/Worker/moment-{number}/answer", "now")
            await until_status(engine, f"moment-{number}", "completed")

        await asyncio.gather(*(once(number) for number in range(40)))
    assert done.count("work ended") == 40


async def test_a_card_that_nobody_answers_costs_no_process_and_no_second_call_of_the_model(
    make_agent: Any,
) -> None:
    def script(request: dict[str, Any]) -> Any:
        if is_planning(request):
            return plan("tidy")
        return finish("Tidied.") if outputs(request) else shell("git clean -fdX")

    async with make_agent(script, idle_seconds=IDLE_SECONDS) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        open_now = "select count(*) as many from sys_invocation where status = 'running'"
        async with asyncio.timeout(30):
            while (await agent.engine.query(open_now))[0]["many"]:
                await asyncio.sleep(0.05)
        assert (await agent.answer(request, ANA, "approve")).accepted
        result = await agent.result()
        calls = len(agent.model.requests)
    assert (result.summary, calls) == ("Tidied.", 3)
