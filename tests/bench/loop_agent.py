"""Owns our side of the loop's bench: the real engine and the agent's own process, one step a task.

What the thread would show is taken by a durable object that does nothing: peers show nothing.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from restate import ObjectContext, VirtualObject

from agent import protocol as p
from agent.config import RunConfig
from agent.policy import load_policy
from agent.steps import StepRequest
from local.processes import Child
from local.restate.server import free_port
from sandbox.protocol import AcquireRequest, Lease, SandboxRef
from tests.fakes.restate import Engine, running_engine

ANA = p.Person(user_id="U0ANA", name="Ana")
MODEL = "gpt-6.1-sol"
"""One that has a price: ours is the only loop that counts dollars."""
NOWHERE = SandboxRef(
    backend="local", name="n", sandbox_id="i", generation=1, created_at=0, expires_at=2e9
)
thread = VirtualObject(p.THREAD)


@thread.handler()
async def show(ctx: ObjectContext, event: p.ThreadEvent) -> p.Nothing:
    return p.Nothing()


@dataclass
class Ours:
    """Args: `walled` runs the commands in real sandboxes, one for each task."""

    engine: Engine
    worker: Child
    http: aiohttp.ClientSession
    folder: Path
    walled: bool
    last_id: str = ""
    """Of the invocation that answered last."""

    async def round(self, tasks: list[str], turns: int) -> None:
        """All at once, to the end."""
        await asyncio.gather(*(self._task(task, turns) for task in tasks))

    async def _task(self, task: str, turns: int) -> None:
        where = p.ThreadRef(team="T", channel="C", root_ts=task)
        ref = NOWHERE
        if self.walled:
            lease = await self._call(f"Sandbox/{where.key}/acquire", AcquireRequest(owner=task))
            ref = Lease.model_validate(lease).ref
        request = _step(task, turns, where, ref)
        outcome = p.StepOutcome.model_validate(await self._call("Step/run_step", request))
        if outcome.outcome != "done" or outcome.turns != turns + 1:
            raise RuntimeError(f"{task} ended otherwise: {outcome}")

    async def _call(self, path: str, value: p.Wire | Any) -> Any:
        url = f"{self.engine.server.ingress_url}/restate/call/{path}"
        headers = {"content-type": "application/json"}
        async with self.http.post(url, data=value.model_dump_json(), headers=headers) as response:
            response.raise_for_status()
            self.last_id = response.headers["x-restate-id"]
            return await response.json()


def _step(task: str, turns: int, where: p.ThreadRef, ref: SandboxRef) -> StepRequest:
    only = p.PlanStep(id="s1", title="Run them", detail="", done_when="all ran")
    asked = p.HistoryEntry(seq=1, ts="1.0", author=ANA, text=f"bench task {task} of {turns} turns")
    config = RunConfig(
        model=MODEL,
        plan_model=MODEL,
        step_turns=turns + 5,
        step_calls=turns + 5,
        policy=load_policy(),
    )
    return StepRequest(
        task=f"{where.key}/1",
        thread=where,
        requester=ANA,
        config=config,
        plan=p.Plan(goal="Commands", steps=[only]),
        step_id="s1",
        number=1,
        messages=[asked],
        sandbox=ref,
        fence=1,
    )


@asynccontextmanager
async def running_agent(
    folder: Path, model_url: str, *, walled: bool, environ: dict[str, str] | None = None
) -> AsyncIterator[Ours]:
    """Args: `folder` is readable for all, as sandboxes want it."""
    port = free_port()
    async with running_engine(folder / "restate", environ) as engine:
        settings = {
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": f"{model_url}/v1",
            "LLM_API": "responses",
            "LLM_MODEL": MODEL,
            "RESTATE_ADMIN_URL": engine.server.admin_url,
            "THREADWRIGHT_AGENT_BIND": f"127.0.0.1:{port}",
            "SANDBOX_STATE_DIR": str(folder / "state"),
        }
        module = "agent" if walled else "tests.bench.loop_worker"
        health = f"http://127.0.0.1:{port}/health"
        worker = Child("agent", [module], settings, health, log=folder / "agent.log", quiet=True)
        async with engine.serve([thread]), aiohttp.ClientSession() as http:
            await worker.start()
            try:
                await worker.until_ready()
                yield Ours(engine, worker, http, folder, walled)
            finally:
                await worker.stop()
    shutil.rmtree(folder / "restate", ignore_errors=True)
