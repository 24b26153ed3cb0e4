"""`make provider-storm N=1000`: sessions all at once against a model that allows 50 calls at once.

The real engine and the real agent in a process of its own; of the sessions most are answered by
their plan alone, some have a step in a sandbox of their own. Beyond its limit the model answers 429
with Retry-After. Ends with one JSON line; exit status 1 when a task did not end well.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from restate import ObjectContext, VirtualObject

from agent import protocol as p
from agent.endpoint import Durable
from local.errors import LocalCloudError
from local.model import Reply, ScriptedModel, running_model
from local.model.limits import Limits
from local.processes import Child
from local.restate.server import free_port
from local.sandboxes import end_sandboxes
from tests.fakes.reader import RecordedReader
from tests.fakes.restate import Engine, running_engine
from tests.integration.agent.driver import ANA, finish, is_planning, outputs, plan, shell, text_of

AT_ONCE = 50
DELAY_MS = 200
ONE_IN = 50
"""sessions has a step."""
LIMIT_SECONDS = 900.0
WORK = "with a step"


@dataclass
class Ends:
    """Stands in for the bot: notes how and when each thread's task ended."""

    outcomes: dict[str, str] = field(default_factory=dict)
    at: dict[str, float] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def services(self) -> list[Durable]:
        thread = VirtualObject(p.THREAD)

        @thread.handler()
        async def show(ctx: ObjectContext, event: p.ThreadEvent) -> p.Nothing:
            if isinstance(event.body, p.ResultBody):
                async with self.changed:
                    self.outcomes[event.thread.key] = event.body.outcome
                    self.at.setdefault(event.thread.key, time.monotonic())
                    self.changed.notify_all()
            return p.Nothing()

        return [thread, *RecordedReader().services]


@dataclass
class Storm:
    engine: Engine
    model: ScriptedModel
    ends: Ends
    agent: Child


def script(request: dict[str, Any]) -> Reply:
    if not is_planning(request):
        return finish() if outputs(request) else shell("echo done > done.txt")
    return plan("work") if WORK in text_of(request) else plan(answer="Hello.")


@asynccontextmanager
async def running(concurrency: int | None) -> AsyncIterator[Storm]:
    """Raises LocalCloudError when the agent does not come up."""
    with tempfile.TemporaryDirectory(prefix="provider-storm-") as folder:
        data = Path(folder)
        data.chmod(0o755)
        sandboxes = {"SANDBOX_STATE_DIR": str(data / "sandboxes")}
        ends, bind = Ends(), f"127.0.0.1:{free_port()}"
        async with (
            running_model(scenarios=[script], delay_ms=DELAY_MS, remember=1) as model,
            running_engine(data / "restate") as engine,
            engine.serve(ends.services),
        ):
            model.limits = Limits(at_once=AT_ONCE)
            settings = {
                "OPENAI_API_KEY": "scripted",
                "OPENAI_BASE_URL": model.base_url,
                "LLM_API": "responses",
                "RESTATE_ADMIN_URL": engine.server.admin_url,
                "THREADWRIGHT_AGENT_BIND": bind,
                **({"LLM_CONCURRENCY": str(concurrency)} if concurrency else {}),
                **sandboxes,
            }
            health = f"http://{bind}/health"
            agent = Child("agent", ["agent"], settings, health, log=data / "agent.log", quiet=True)
            try:
                await agent.start()
                await agent.until_ready()
                yield Storm(engine, model, ends, agent)
            finally:
                await agent.stop()
                await end_sandboxes(sandboxes)


async def storm(sessions: int, concurrency: int | None, kills: int) -> dict[str, Any]:
    """The figures. Raises LocalCloudError."""
    async with running(concurrency) as cloud:
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(sessions):
                group.create_task(_begin(cloud.engine, number))
            for number in range(kills):
                group.create_task(_kill(cloud.agent, 5.0 + 5.0 * number))
        try:
            async with asyncio.timeout(LIMIT_SECONDS), cloud.ends.changed:
                await cloud.ends.changed.wait_for(lambda: len(cloud.ends.at) >= sessions)
        except TimeoutError:
            print(f"{sessions - len(cloud.ends.at)} tasks did not end in {LIMIT_SECONDS:.0f} s")
        seconds = time.monotonic() - began
        ended = sorted(at - began for at in cloud.ends.at.values())
        well = sum(outcome in ("answered", "done") for outcome in cloud.ends.outcomes.values())
        limits = cloud.model.limits
        return {
            "sessions": sessions,
            "failed": sessions - well,
            "calls": limits.served,
            "refused_429": limits.refused,
            "most_at_once": limits.most_at_once,
            "seconds": round(seconds, 1),
            "calls_per_second": round(limits.served / seconds, 1),
            "ended_s": [round(cut, 1) for cut in _quartiles(ended)],
            "told": concurrency,
            "kills": kills,
        }


def _quartiles(values: list[float]) -> list[float]:
    """First, quarter, half, three quarters, last."""
    if len(values) < 2:
        return values
    return [values[0], *statistics.quantiles(values, n=4), values[-1]]


async def _begin(engine: Engine, number: int) -> None:
    thread = p.ThreadRef(team="T", channel=f"C{number % 20}", root_ts=f"1.{number:06}")
    text = f"say hello {WORK}" if number % ONE_IN == 0 else "say hello"
    message = p.UserMessage(thread=thread, ts=thread.root_ts, author=ANA, text=text)
    await engine.client.send_message(message)


async def _kill(agent: Child, after: float) -> None:
    await asyncio.sleep(after)
    await agent.kill()
    await agent.start()
    await agent.until_ready()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.chaos.provider_storm", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--untold", action="store_true", help="the limit is to be learned")
    parser.add_argument("--kills", type=int, default=0, help="SIGKILLs to the agent on the way")
    given = parser.parse_args()
    try:
        told = None if given.untold else AT_ONCE
        figures = asyncio.run(storm(given.sessions, told, given.kills))
    except LocalCloudError as error:
        print(json.dumps({"failed": given.sessions, "error": str(error)}))
        sys.exit(1)
    print(json.dumps(figures))
    sys.exit(0 if figures["failed"] == 0 else 1)


if __name__ == "__main__":
    main()
