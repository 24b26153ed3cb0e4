"""What a journaled step of ours costs beside a bare `ctx.run`, and hypercorn beside granian."""

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import restate
from restate import Context, RunOptions

from agent import endpoint
from agent.protocol import Nothing
from local.restate.server import free_port
from sandbox import durable
from tests.fakes.restate import Engine, running_engine

STEPS, ROUNDS = 200, 7

bench = restate.Service("Bench")


async def nothing() -> Nothing:
    return Nothing()


@bench.handler()
async def bare(ctx: Context, steps: int) -> float:
    """Milliseconds per plain `ctx.run`."""
    begin = time.perf_counter()
    for number in range(steps):
        await ctx.run_typed(f"step {number}", nothing, RunOptions(type_hint=Nothing))
    return (time.perf_counter() - begin) * 1000 / steps


@bench.handler()
async def ours(ctx: Context, steps: int) -> float:
    """Milliseconds per abortable effect, as model calls and commands are."""
    begin = time.perf_counter()
    for number in range(steps):
        options = RunOptions(type_hint=Nothing, max_attempts=3)
        await durable.run(ctx, f"step {number}", nothing, options)
    return (time.perf_counter() - begin) * 1000 / steps


async def measure() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with running_engine(Path(folder, "restate")) as engine:
            async with engine.serve([bench]):
                await _steps(engine, "bare")  # warm
                rounds = [
                    (await _steps(engine, "bare"), await _steps(engine, "ours"))
                    for _ in range(ROUNDS)
                ]
            async with _granian(engine):
                await _steps(engine, "bare")
                other = [await _steps(engine, "bare") for _ in range(ROUNDS)]
    plain = statistics.median(b for b, _ in rounds)
    return {
        "step_overhead_ratio": statistics.median(o / b for b, o in rounds),
        "step_bare_ms": plain,
        "step_granian_over_hypercorn": statistics.median(other) / plain,
    }


async def _steps(engine: Engine, handler: str) -> float:
    return float(await call(engine, f"Bench/{handler}", STEPS))


async def call(engine: Engine, handler: str, request: int) -> Any:
    url = f"{engine.server.ingress_url}/restate/call/{handler}"
    async with aiohttp.ClientSession() as http, http.post(url, json=request) as response:
        response.raise_for_status()
        return await response.json()


@asynccontextmanager
async def _granian(engine: Engine) -> AsyncIterator[None]:
    """The same handlers served by granian, in a process of its own."""
    port = free_port()
    arguments = ["--interface", "asginl", "--http", "2", "--loop", "asyncio", "--port", str(port)]
    command = [sys.executable, "-m", "granian", *arguments, "--no-log", f"{__name__}:app"]
    process = await asyncio.create_subprocess_exec(*command, start_new_session=True)
    try:
        await endpoint.register(engine.server.admin_url, f"http://127.0.0.1:{port}")
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # asked to stop, it would wait for open streams
        await process.wait()


app: Any = restate.app([bench])
