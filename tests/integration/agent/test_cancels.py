"""A cancel in the middle of a clean end: nothing is cut short, and the session is always told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
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
from agent.planning import PlanReply, PlanRequest
from agent.steps import StepRequest
from agent.watch import WatchRequest
from sandbox.durable import is_cancel
from sandbox.protocol import (
    AcquireRequest,
    CheckpointRequest,
    Done,
    Lease,
    ReleaseRequest,
    SandboxRef,
)
from tests.fakes.restate import Engine, running_engine
from tests.fakes.session import RecordedSession
from tests.fakes.thread import RecordedThreads
from tests.integration.agent.driver import ANA, BEN, THREAD
from tests.polling import until

TASK = f"{THREAD.key}/1"
REF = SandboxRef(
    backend="local", name="tw-x", sandbox_id="x", generation=1, created_at=0.0, expires_at=1e10
)


@pytest.fixture
async def engine(
    tmp_path: Path, sandboxes: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(sandboxes))
    async with running_engine(tmp_path / "restate") as engine:
        yield engine


async def end_of(engine: Engine, invocation: str) -> Any:
    url = f"{engine.server.ingress_url}/restate/attach/{invocation}"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return await response.json()


# --- a task ---------------------------------------------------------------------------------------


def with_session(session: RecordedSession) -> list[Durable]:
    """The whole agent, with this session in place of its own."""
    rest = [service for service in SERVICES if service.name != p.SESSION]
    return [*rest, session.service, *RecordedThreads().services]


def asked() -> p.HistoryEntry:
    return p.HistoryEntry(seq=1, ts=THREAD.root_ts, author=ANA, text="work")


async def test_a_task_that_is_cancelled_again_in_its_clean_end_still_tells_its_session(
    engine: Engine,
) -> None:
    """As when it reads of a stop before the stop's cancel arrives."""
    session = RecordedSession(p.Unread(messages=[asked()], last_seq=1, stopping=BEN))
    request = p.TaskRequest(thread=THREAD, number=1, after_seq=0)
    async with engine.serve(with_session(session)):
        place = f"Task/{quote(TASK, safe='')}/run"
        invocation = await engine.send(place, request.model_dump(mode="json"))
        for reads in (1, 2, 3):  # its messages; then, each time, who stopped it
            await until(lambda: session.reads >= reads)  # noqa: B023
            await engine.cancel(invocation)
        session.open.set()
        await until(lambda: bool(session.done))
        answer = p.TaskDone.model_validate(await end_of(engine, invocation))
    assert session.done == [answer]
    assert answer.outcome == "stopped"
    assert answer.summary.startswith("Ben stopped it.")


async def test_a_task_that_ended_by_a_cancel_alone_is_reported_for_it(engine: Engine) -> None:
    """As one that was cancelled before its first line ran."""
    session = RecordedSession(p.Unread(messages=[asked()], last_seq=1))
    session.open.set()
    mute = restate.Service("Mute")

    @mute.handler()
    async def end(ctx: Context, _: p.Nothing) -> p.Nothing:
        raise TerminalError("cancelled", 409)

    async with engine.serve([*with_session(session), mute]):
        invocation = await engine.send("Mute/end", {})
        watched = WatchRequest(thread=THREAD, task=TASK, invocation=invocation)
        await engine.send("Watch/until_ended", watched.model_dump(mode="json"))
        await until(lambda: bool(session.done))
    assert [(done.task, done.outcome) for done in session.done] == [(TASK, "stopped")]


async def test_a_step_that_ended_at_the_very_moment_of_a_stop_is_done_and_kept(
    engine: Engine,
) -> None:
    """Its answer and the stop's cancel cross: what it finished is no half of a step."""
    session = RecordedSession(p.Unread(messages=[asked()], last_seq=1))
    session.open.set()
    begun, checkpoints, threads = asyncio.Event(), list[str](), RecordedThreads()
    planning, step = restate.Service(p.PLANNING), restate.Service(p.STEP)
    sandbox = VirtualObject("Sandbox")

    @planning.handler()
    async def make_plan(ctx: Context, request: PlanRequest) -> PlanReply:
        one = p.PlanStep(id="one", title="One", detail="", done_when="")
        return PlanReply(plan=p.Plan(goal="g", steps=[one]))

    async def work() -> p.Nothing:
        begun.set()
        await asyncio.Event().wait()
        return p.Nothing()

    @step.handler()
    async def run_step(ctx: Context, request: StepRequest) -> p.StepOutcome:
        with suppress(TerminalError):  # the cancel comes when it has all but answered
            await ctx.run_typed("work", work, RunOptions(type_hint=p.Nothing))
        return p.StepOutcome(outcome="done", summary="One is there.", mutated=True, turns=1)

    @sandbox.handler()
    async def acquire(ctx: ObjectContext, request: AcquireRequest) -> Lease:
        return Lease(ref=REF)

    @sandbox.handler()
    async def checkpoint(ctx: ObjectContext, request: CheckpointRequest) -> Done:
        checkpoints.append(request.label)
        return Done()

    @sandbox.handler()
    async def release(ctx: ObjectContext, request: ReleaseRequest) -> Done:
        return Done()

    ours: list[Durable] = [planning, step, sandbox]
    names = {service.name for service in [*ours, *threads.services]}
    rest = [service for service in with_session(session) if service.name not in names]
    request = p.TaskRequest(thread=THREAD, number=1, after_seq=0)
    async with engine.serve([*rest, *ours, *threads.services]):
        place = f"Task/{quote(TASK, safe='')}/run"
        invocation = await engine.send(place, request.model_dump(mode="json"))
        await asyncio.wait_for(begun.wait(), 90)
        await engine.cancel(invocation)
        await until(lambda: bool(session.done and checkpoints))
        await until(lambda: threads.bodies(p.PlanBody)[-1].state == "stopped")
    assert session.done[0].outcome == "stopped"
    assert checkpoints == ["step 1 (“One”)"]
    assert [line.status for line in threads.bodies(p.PlanBody)[-1].steps] == ["complete"]


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
        invocation = await engine.send("Parent/one/run", {})
        await asyncio.wait_for(family.begun.wait(), 90)
        await engine.send("Parent/one/interrupt", {})
        await until(lambda: family.cleanings == 1)
        await engine.cancel(invocation)
        await until(lambda: family.cleanings == 2)  # the cancel reached both of them
        family.clean.set()
        told = Told.model_validate(await end_of(engine, invocation))
    assert told.cancelled
    assert told.settled["summary"] == "wrote a file"
