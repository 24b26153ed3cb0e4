"""Owns the fake's own HTTP door, for tests that run it as a program. Bodies are JSON.

GET    /running               the sandboxes that run; quick, for those who poll
GET    /state                 calls, unknown, running, processes, snapshots
POST   /faults                the arguments of `Fake.fail`
DELETE /faults
POST   /expire-router-tokens
POST   /skip                  {"seconds": 60}
POST   /terminate             {"sandbox_id": "sb-…"}
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from grpclib import GRPCError

from tests.fakes.modal.fake import Fake
from tests.fakes.modal.sandbox import Sandbox


@asynccontextmanager
async def serving_admin(fake: Fake, port: int = 0) -> AsyncIterator[str]:
    """Yields its URL."""
    app = web.Application(middlewares=[_explain])
    admin = _Admin(fake)
    app.add_routes(
        [
            web.get("/running", admin.running),
            web.get("/state", admin.state),
            web.post("/faults", admin.add_fault),
            web.delete("/faults", admin.clear_faults),
            web.post("/expire-router-tokens", admin.expire_router_tokens),
            web.post("/skip", admin.skip),
            web.post("/terminate", admin.terminate),
            web.post("/damage-snapshot", admin.damage_snapshot),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@web.middleware
async def _explain(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except (TypeError, ValueError, KeyError, GRPCError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return response


class _Admin:
    def __init__(self, fake: Fake) -> None:
        self._fake = fake

    async def running(self, _: web.Request) -> web.Response:
        return web.json_response({"running": [_shown(one) for one in self._fake.running()]})

    async def state(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "calls": self._fake.calls,
                "unknown": self._fake.unknown,
                "running": [_shown(sandbox) for sandbox in self._fake.running()],
                # The machine may have very many: sandboxes go on while they are looked at.
                "processes": await asyncio.to_thread(self._fake.processes),
                "snapshots": self._fake.snapshots(),
            }
        )

    async def add_fault(self, request: web.Request) -> web.Response:
        self._fake.fail(**await request.json())
        return web.json_response({})

    async def clear_faults(self, _: web.Request) -> web.Response:
        self._fake.clear_faults()
        return web.json_response({})

    async def expire_router_tokens(self, _: web.Request) -> web.Response:
        self._fake.expire_router_tokens()
        return web.json_response({})

    async def skip(self, request: web.Request) -> web.Response:
        self._fake.skip(float((await request.json())["seconds"]))
        return web.json_response({})

    async def terminate(self, request: web.Request) -> web.Response:
        await self._fake.terminate((await request.json())["sandbox_id"])
        return web.json_response({})

    async def damage_snapshot(self, request: web.Request) -> web.Response:
        await self._fake.damage_snapshot((await request.json())["image_id"])
        return web.json_response({})


def _shown(sandbox: Sandbox) -> dict[str, object]:
    return {
        "sandbox_id": sandbox.sandbox_id,
        "name": sandbox.name,
        "app_id": sandbox.app_id,
        "tags": sandbox.tags,
        "created_at": sandbox.created_at,
        "expires_at": sandbox.expires_at,
    }
