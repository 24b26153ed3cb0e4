"""Two processes serve the same handlers; one dies, and Restate's calls go to the other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from restate import ObjectContext, VirtualObject

from agent import endpoint
from agent import protocol as p
from agent.deployment import Deployment
from local.restate.server import free_port
from tests.fakes.restate import Engine, running_engine

WHO = p.Handler("Who", "answers", p.Nothing, p.SaveReceipt)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with running_engine(tmp_path) as running:
        yield running


class Process:
    """One of several that serve `Who`, in this test's loop; `end` leaves its port dead."""

    def __init__(self, engine: Engine, name: str, *, hangs: bool = False) -> None:
        self.begun = asyncio.Event()
        self._stop = asyncio.Event()
        bind = f"127.0.0.1:{free_port()}"
        self.deployment = Deployment(
            engine.server.admin_url, f"http://{bind}", WHO.service, look_seconds=0.1
        )
        who = VirtualObject(WHO.service)

        async def step() -> str:
            self.begun.set()
            if hangs:
                await asyncio.Event().wait()
            return name

        @who.handler(WHO.name)
        async def answers(ctx: ObjectContext, _: p.Nothing) -> p.SaveReceipt:
            await ctx.run_typed("before", _nothing)  # from here on it belongs to this process
            return p.SaveReceipt(problem=await ctx.run_typed("name", step))

        self._serving = asyncio.create_task(
            endpoint.serve([who], bind=bind, stop=self._stop, grace_seconds=0.05)
        )
        self._keeping: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await self.deployment.register()
        self._keeping = asyncio.create_task(self.deployment.keep())

    async def end(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
        self._stop.set()
        await self._serving


async def _nothing() -> None:
    """A journaled step."""


async def ask(engine: Engine, key: str) -> str:
    return (await engine.client.call(WHO, key, p.Nothing())).problem


async def test_new_calls_go_to_a_living_process_when_the_newest_one_is_dead(
    engine: Engine,
) -> None:
    first, second = Process(engine, "first"), Process(engine, "second")
    try:
        await first.begin()
        await second.begin()
        assert await ask(engine, "a") == "second"
        await second.end()
        async with asyncio.timeout(90):
            assert await ask(engine, "b") == "first"
    finally:
        await first.end()


async def test_what_a_dead_process_had_begun_is_taken_over(engine: Engine) -> None:
    first, second = Process(engine, "first"), Process(engine, "second", hangs=True)
    try:
        await first.begin()
        await second.begin()
        asking = asyncio.create_task(ask(engine, "a"))
        await second.begun.wait()
        await second.end()
        async with asyncio.timeout(90):
            assert await asking == "first"
    finally:
        await first.end()


async def test_an_older_process_leaves_a_living_newer_one_alone(engine: Engine) -> None:
    first, second = Process(engine, "first"), Process(engine, "second")
    try:
        await first.begin()
        await second.begin()
        await asyncio.sleep(0.5)  # several looks
        assert await ask(engine, "a") == "second"
    finally:
        await first.end()
        await second.end()


async def test_a_restate_that_lost_its_data_is_told_again(engine: Engine) -> None:
    process = Process(engine, "only")
    try:
        keeping = asyncio.create_task(process.deployment.keep())
        async with asyncio.timeout(90):
            while not await engine.query(
                f"select name from sys_service where name = '{WHO.service}'"
            ):
                await asyncio.sleep(0.05)
        assert await ask(engine, "a") == "only"
        keeping.cancel()
    finally:
        await process.end()
