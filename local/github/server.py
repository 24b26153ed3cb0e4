"""Owns the double as one web server, in a test's own loop or as a program."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from local.github import api, pages, samples, smart
from local.github.state import TOKEN, Fault, State

MOST_BYTES = 512 << 20
HANG_SECONDS = 60.0


@dataclass
class Double:
    state: State
    url: str

    @property
    def settings(self) -> dict[str, str]:
        """What the agent needs to use it."""
        return {
            "GITHUB_URL": self.url,
            "GITHUB_API_URL": f"{self.url}{api.PREFIX}",
            "GITHUB_TOKEN": TOKEN,
        }


@web.middleware
async def faults(request: web.Request, handler: Any) -> web.StreamResponse:
    state = request.app[api.STATE]
    asked = f"{request.method} {request.path_qs}"
    state.requests.append(asked)
    fault = next((one for one in state.faults if one.on in asked), None)
    if fault is None:
        response: web.StreamResponse = await handler(request)
        return response
    state.faults.remove(fault)
    if fault.hangs:
        await asyncio.sleep(HANG_SECONDS)
    if fault.after:
        await handler(request)
    return _failed(state, fault)


def _failed(state: State, fault: Fault) -> web.Response:
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    message = "Server Error"
    if fault.status in (403, 429):
        state.limited += 1
        message = "API rate limit exceeded for user ID 1."
        if fault.retry_after is None:
            headers |= api.limits(0) | {"x-ratelimit-reset": str(int(time.time()) + fault.reset)}
        else:
            message = "You have exceeded a secondary rate limit."
    return web.json_response({"message": message}, status=fault.status, headers=headers)


def application(folder: Path) -> web.Application:
    """With its samples."""
    app = web.Application(middlewares=[faults, api.guard], client_max_size=MOST_BYTES)
    app[api.STATE] = State(folder)
    samples.fill(app[api.STATE])
    app.add_routes([web.get("/health", _health), *api.routes(), *smart.routes(), *pages.routes()])
    return app


async def _health(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


@asynccontextmanager
async def running_github(folder: Path, port: int = 0) -> AsyncIterator[Double]:
    app = application(folder)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield Double(app[api.STATE], f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
