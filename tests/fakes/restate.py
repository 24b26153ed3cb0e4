"""A real Restate server for tests, and endpoints served to it from the test's own loop.

`Engine.serve` registers services the way the product does. After `Engine.replay_always` every await
suspends, so a handler that does not replay deterministically fails.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from agent import endpoint
from agent.client import SessionClient
from agent.idling import IDLE_SECONDS, Idling
from local.restate.server import RestateServer, free_port

QUICK_RETRIES = {
    "RESTATE_DEFAULT_RETRY_POLICY__INITIAL_INTERVAL": "50ms",
    "RESTATE_DEFAULT_RETRY_POLICY__MAX_INTERVAL": "500ms",
}


class Engine:
    """One server and the endpoints registered with it."""

    def __init__(self, server: RestateServer) -> None:
        self.server = server
        self.client = SessionClient(server.ingress_url, timeout_seconds=30)

    @asynccontextmanager
    async def serve(
        self,
        services: Iterable[endpoint.Durable],
        *,
        pages: Mapping[str, endpoint.Asgi] | None = None,
        port: int | None = None,
        idle_seconds: float = IDLE_SECONDS,
    ) -> AsyncIterator[str]:
        """Serve and register `services`; yields the endpoint's URL. The same `port` again is a
        process that was started anew."""
        stop, port = asyncio.Event(), port or free_port()
        url = f"http://127.0.0.1:{port}"
        idle = Idling(idle_seconds)
        watching = asyncio.create_task(idle.watch())
        running = asyncio.create_task(
            endpoint.serve(
                services,
                bind=f"127.0.0.1:{port}",
                stop=stop,
                grace_seconds=0.2,
                pages=pages,
                hearing=idle,
                same_bytes=True,
            )
        )
        try:
            await endpoint.register(self.server.admin_url, url)
            yield url
        finally:
            stop.set()
            await running
            watching.cancel()

    async def replay_always(self, services: Iterable[endpoint.Durable]) -> None:
        """Make every await of these services suspend, whatever their own settings say."""
        async with aiohttp.ClientSession() as http:
            for service in services:
                url = f"{self.server.admin_url}/services/{service.name}"
                async with http.patch(url, json={"inactivity_timeout": "0s"}) as response:
                    response.raise_for_status()

    async def send(self, place: str, value: object = "") -> str:
        """Begin `Service/handler` or `Object/key/handler`, the key quoted; its invocation id."""
        url = f"{self.server.ingress_url}/restate/send/{place}"
        async with aiohttp.ClientSession() as http, http.post(url, json=value) as response:
            response.raise_for_status()
            answer: dict[str, str] = await response.json()
            return answer["invocationId"]

    async def cancel(self, invocation: str) -> None:
        url = f"{self.server.admin_url}/invocations/{invocation}/cancel"
        async with aiohttp.ClientSession() as http, http.patch(url) as response:
            response.raise_for_status()

    async def failures(self) -> list[dict[str, Any]]:
        """Invocations that are being tried again, and why."""
        return await self.query(
            "select target, last_failure from sys_invocation where last_failure is not null"
        )

    async def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of Restate's introspection tables (`sys_invocation`, `sys_journal`, `state`, …)."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                f"{self.server.admin_url}/query",
                json={"query": sql},
                headers={"accept": "application/json"},
            ) as response,
        ):
            response.raise_for_status()
            rows: list[dict[str, Any]] = (await response.json())["rows"]
            return rows


@asynccontextmanager
async def running_engine(
    data_dir: Path, environ: dict[str, str] | None = None
) -> AsyncIterator[Engine]:
    server = RestateServer(data_dir, environ={**QUICK_RETRIES, **(environ or {})})
    async with server:
        engine = Engine(server)
        try:
            yield engine
        finally:
            await engine.client.aclose()
