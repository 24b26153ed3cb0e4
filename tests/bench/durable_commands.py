"""What a command costs through the whole durable path: engine, handler, journal, supervisor."""

import os
import statistics
import tempfile
import time
from pathlib import Path

import restate
from restate import Context

from local.sandboxes import end_sandboxes
from sandbox.client import SandboxClient, acquire, release
from sandbox.object import sandbox
from sandbox.protocol import Command, Wire
from sandbox.sweeper import sweeper
from tests.bench.engine import call
from tests.fakes.restate import running_engine
from tests.integration.sandbox.durable import forget

COMMANDS = 60
TRUE = Command(command="true")
SESSION = "bench:durable:commands"

durable_bench = restate.Service("DurableCommandsBench")


class Times(Wire):
    milliseconds: list[float]


@durable_bench.handler()
async def run_commands(ctx: Context, count: int) -> Times:
    """How long each of `count` commands took, as the agent's step waits for them."""
    lease = await acquire(ctx, SESSION, "bench")
    client = SandboxClient(ctx, lease.ref, fence=1)
    await client.claim("claim")
    taken = []
    for number in range(count):
        begin = time.perf_counter()
        result = await client.run(f"run {number}", f"{ctx.request().id}/{number}", TRUE)
        taken.append((time.perf_counter() - begin) * 1000)
        assert result.exit_code == 0, result
    release(ctx, SESSION, "bench")
    return Times(milliseconds=taken)


async def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        os.environ["SANDBOX_STATE_DIR"] = f"{folder}/state"
        try:
            return await _measured(Path(folder))
        finally:
            del os.environ["SANDBOX_STATE_DIR"]


async def _measured(folder: Path) -> dict[str, float]:
    forget()
    async with running_engine(folder / "restate") as engine:
        async with engine.serve([durable_bench, sandbox, sweeper]):
            answer = await call(engine, "DurableCommandsBench/run_commands", COMMANDS)
        await end_sandboxes({"SANDBOX_STATE_DIR": f"{folder}/state"})
    forget()
    times = Times.model_validate(answer).milliseconds
    return {"command_overhead_durable_ms_p50": statistics.median(times)}
