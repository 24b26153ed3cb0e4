"""A cancel in the middle of a clean end: nothing is cut short, and the session is always told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import restate
from restate import (
    Context,
    ObjectContext,
    ObjectSharedContext,
    RunOptions,
    TerminalError,
    VirtualObject,
    WorkflowContext,
    WorkflowSharedContext,
)

from agent import protocol as p
from agent.app import SERVICES
from agent.child import Child
from agent.endpoint import Durable
from agent.watch import WatchRequest
from sandbox.durable import is_cancel
from tests.fakes.restate import Engine, running_engine
from tests.fakes.thread import RecordedThreads
from tests.integration.agent.driver import ANA, BEN, THREAD

TASK = f"{THREAD.key}/1"


@pytest.fixture
async def engine(
    tmp_path: Path, sandboxes: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(sandboxes))
    async with running_engine(tmp_path / "restate") as engine:
        yield engine


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


async def send(engine: Engine, place: str, body: dict[str, Any]) -> str:
    """Invocation id of what was begun."""
    url = f"{engine.server.ingress_url}/restate/send/{place}"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as response:
        response.raise_for_status()
        answer: dict[str, str] = await response.json()
        return answer["invocationId"]


async def cancel(engine: Engine, invocation: str) -> None:
    url = f"{engine.server.admin_url}/invocations/{invocation}/cancel"
    async with aiohttp.ClientSession() as http, http.patch(url) as response:
        response.raise_for_status()


async def end_of(engine: Engine, invocation: str) -> Any:
    url = f"{engine.server.ingress_url}/restate/attach/{invocation}"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return await response.json()


# --- a task ---------------------------------------------------------------------------------------


@dataclass
class RecordedSession:
    """Stands in for the session: answers a task when the test lets it, and is told of its end."""

    unread: p.Unread
    reads: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    done: list[p.TaskDone] = field(default_factory=list)

    @property
    def services(self) -> list[Durable]:
        session = VirtualObject(p.SESSION)

        @session.handler(kind="shared")
        async def read_unread(ctx: ObjectSharedContext, request: p.ReadRequest) -> p.Unread:
            self.reads += 1
            await self.open.wait()
            return self.unread

        @session.handler()
        async def on_task_done(ctx: ObjectContext, done: p.TaskDone) -> p.Nothing:
            self.done.append(done)
            return p.Nothing()

        rest = [service for service in SERVICES if service.name != p.SESSION]
        return [*rest, session, *RecordedThreads().services]


def asked() -> p.HistoryEntry:
    return p.HistoryEntry(seq=1, ts=THREAD.root_ts, author=ANA, text="work")


async def test_a_task_that_is_cancelled_again_in_its_clean_end_still_tells_its_session(
    engine: Engine,
) -> None:
    """As when it reads of a stop before the stop's cancel arrives."""
    session = RecordedSession(p.Unread(messages=[asked()], last_seq=1, stopping=BEN))
    request = p.TaskRequest(thread=THREAD, number=1, after_seq=0)
    async with engine.serve(session.services):
        place = f"Task/{quote(TASK, safe='')}/run"
        invocation = await send(engine, place, request.model_dump(mode="json"))
        for reads in (1, 2, 3):  # its messages; then, each time, who stopped it
            await until(lambda: session.reads >= reads)  # noqa: B023
            await cancel(engine, invocation)
        session.open.set()
        await until(lambda: bool(session.done))
        answer = p.TaskDone.model_validate(await end_of(engine, invocation))
    assert session.done == [answer]
    assert answer.outcome == "stopped"
    assert answer.summary.startswith("By Ben.")


async def test_a_task_that_ended_by_a_cancel_alone_is_reported_for_it(engine: Engine) -> None:
    """As one that was cancelled before its first line ran."""
    session = RecordedSession(p.Unread(messages=[asked()], last_seq=1))
    session.open.set()
    mute = restate.Service("Mute")

    @mute.handler()
    async def end(ctx: Context, _: p.Nothing) -> p.Nothing:
        raise TerminalError("cancelled", 409)

    async with engine.serve([*session.services, mute]):
        invocation = await send(engine, "Mute/end", {})
        watched = WatchRequest(thread=THREAD, task=TASK, invocation=invocation)
        await send(engine, "Watch/until_ended", watched.model_dump(mode="json"))
        await until(lambda: bool(session.done))
    assert [(done.task, done.outcome) for done in session.done] == [(TASK, "stopped")]


# --- its child ------------------------------------------------------------------------------------


class Told(p.Wire):
    cancelled: bool = False
    settled: dict[str, Any] = {}


@dataclass
class Family:
    """A parent that is interrupted, and a child whose clean end takes until the test lets it."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    cleanings: int = 0
    """How often the child was told to end."""
    clean: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def services(self) -> list[Durable]:
        child, parent = restate.Service("Slow"), restate.Workflow("Parent")

        async def until_cancelled() -> p.Nothing:
            self.begun.set()
            await asyncio.Event().wait()
            return p.Nothing()

        async def clean_up() -> p.Nothing:
            self.cleanings += 1
            await self.clean.wait()
            return p.Nothing()

        @child.handler()
        async def work(ctx: Context, _: p.Nothing) -> p.StepOutcome:
            step = until_cancelled
            while True:
                try:
                    await ctx.run_typed("do", step, RunOptions(type_hint=p.Nothing))
                    return p.StepOutcome(outcome="interrupted", summary="wrote a file")
                except TerminalError:
                    step = clean_up

        @parent.main()
        async def run(ctx: WorkflowContext, _: p.Nothing) -> Told:
            raced = Child(ctx)
            try:
                await raced.run(ctx.service_call(work, p.Nothing()), until=1)
            except TerminalError as error:
                settled = await raced.settled()
                return Told(cancelled=is_cancel(error), settled=settled)
            return Told()

        @parent.handler()
        async def interrupt(ctx: WorkflowSharedContext, _: p.Nothing) -> p.Nothing:
            await ctx.promise("interrupt-1", type_hint=int).resolve(1)
            return p.Nothing()

        return [child, parent]


async def test_a_stop_while_an_interrupted_step_ends_is_a_stop_and_what_it_did_is_known(
    engine: Engine,
) -> None:
    family = Family()
    async with engine.serve(family.services):
        invocation = await send(engine, "Parent/one/run", {})
        await asyncio.wait_for(family.begun.wait(), 20)
        await send(engine, "Parent/one/interrupt", {})
        await until(lambda: family.cleanings == 1)
        await cancel(engine, invocation)
        await until(lambda: family.cleanings == 2)  # the cancel reached both of them
        family.clean.set()
        told = Told.model_validate(await end_of(engine, invocation))
    assert told.cancelled
    assert told.settled["summary"] == "wrote a file"
