"""What a journaled step of ours costs beside a bare `ctx.run`, and granian beside hypercorn."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import hypercorn.asyncio
import hypercorn.config
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
                await _call(engine, "bare", STEPS)  # warm
                rounds = [
                    (await _call(engine, "bare", STEPS), await _call(engine, "ours", STEPS))
                    for _ in range(ROUNDS)
                ]
            async with _hypercorn(engine):
                await _call(engine, "bare", STEPS)
                slower = [await _call(engine, "bare", STEPS) for _ in range(ROUNDS)]
    plain = statistics.median(b for b, _ in rounds)
    return {
        "step_overhead_ratio": statistics.median(o / b for b, o in rounds),
        "step_bare_ms": plain,
        "step_hypercorn_over_granian": statistics.median(slower) / plain,
    }


async def _call(engine: Engine, handler: str, steps: int) -> float:
    url = f"{engine.server.ingress_url}/restate/call/Bench/{handler}"
    async with aiohttp.ClientSession() as http, http.post(url, json=steps) as response:
        response.raise_for_status()
        return float(await response.json())


@asynccontextmanager
async def _hypercorn(engine: Engine) -> AsyncIterator[None]:
    port, stop = free_port(), asyncio.Event()
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.loglevel = "ERROR"
    config.h2_max_concurrent_streams = 2**31 - 1
    config.keep_alive_max_requests = 2**31 - 1
    trigger: Callable[..., Any] = stop.wait
    app: Any = restate.app([bench])
    running = asyncio.create_task(
        hypercorn.asyncio.serve(_with_lifespan(app), config, shutdown_trigger=trigger)
    )
    try:
        await endpoint.register(engine.server.admin_url, f"http://127.0.0.1:{port}")
        yield
    finally:
        stop.set()
        await running


def _with_lifespan(app: Any) -> Any:
    """hypercorn insists on the lifespan protocol, which the SDK's app refuses."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for _ in range(2):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})

    return asgi
