"""The sandbox's handlers on a real engine, and one that uses the client as agents do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import restate
from pydantic import BaseModel
from restate import Context, TerminalError

from sandbox import backend as backends
from sandbox.client import SandboxClient, acquire, checkpoint, checkpoint_taken
from sandbox.durable import is_cancel
from sandbox.errors import SandboxError
from sandbox.lifecycle import Life
from sandbox.object import sandbox
from sandbox.protocol import (
    AcquireRequest,
    Command,
    CommandResult,
    Lease,
    Nothing,
    ReleaseRequest,
    Wire,
)
from sandbox.sweeper import sweeper
from tests.fakes.restate import Engine

M = TypeVar("M", bound=BaseModel)


class Work(Wire):
    session: str
    fence: int = 1
    commands: list[str] = []
    write: dict[str, str] = {}
    read: list[str] = []
    poll_seconds: float = 20.0
    timeout_seconds: int = 60


class Worked(Wire):
    results: list[CommandResult] = []
    texts: list[str] = []
    error: str = ""


driver = restate.Service("Driver")


@driver.handler()
async def work(ctx: Context, request: Work) -> Worked:
    """Claim, write, run, read, in this order; a sandbox error is part of the answer."""
    lease = await acquire(ctx, request.session, "driver")
    client = SandboxClient(ctx, lease.ref, request.fence, poll_seconds=request.poll_seconds)
    results, texts = [], []
    try:
        await client.claim("claim")
        for path, text in request.write.items():
            await client.write_file(f"write {path}", path, text.encode())
        for number, text in enumerate(request.commands):
            command = Command(command=text, timeout_seconds=request.timeout_seconds)
            job = f"{ctx.request().id}/{number}"
            results.append(await client.run(f"run {number}", job, command))
        for path in request.read:
            file = await client.read_file(f"read {path}", path, 1000)
            texts += [file.text]
    except SandboxError as error:
        return Worked(results=results, texts=texts, error=f"{type(error).__name__}: {error}")
    except TerminalError as error:
        return Worked(results=results, error="cancelled" if is_cancel(error) else error.message)
    return Worked(results=results, texts=texts)


class Keep(Wire):
    session: str
    label: str
    mark: str


@driver.handler()
async def keep(ctx: Context, request: Keep) -> Nothing:
    """As a task does after a step, and the next step before it changes anything."""
    checkpoint(ctx, request.session, request.label, request.mark)
    await checkpoint_taken(ctx, request.session, request.label, request.mark)
    return Nothing()


class Failed(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Cloud:
    """Calls handlers through the engine's ingress."""

    def __init__(self, engine: Engine, http: aiohttp.ClientSession) -> None:
        self.engine = engine
        self._http = http

    async def post(self, path: str, request: BaseModel) -> Any:
        url = f"{self.engine.server.ingress_url}/restate/{path}"
        async with self._http.post(url, json=request.model_dump(mode="json")) as response:
            answer = await response.json()
            if response.status >= 400:
                raise Failed(response.status, str(answer.get("message")))
            return answer

    async def on_sandbox(self, session: str, handler: str, request: BaseModel) -> Any:
        return await self.post(f"call/Sandbox/{quote(session)}/{handler}", request)

    async def acquire(
        self, session: str, owner: str = "task", ttl: int = 3600, known: int | None = None
    ) -> Lease:
        request = AcquireRequest(owner=owner, ttl_seconds=ttl, known_generation=known)
        return Lease.model_validate(await self.on_sandbox(session, "acquire", request))

    async def checkpoint(self, session: str, label: str, mark: str) -> None:
        """Taken and recorded when this returns."""
        await self.post("call/Driver/keep", Keep(session=session, label=label, mark=mark))
        async with asyncio.timeout(60):
            while mark not in [s.mark for s in (await self.life(session)).snapshots]:
                await asyncio.sleep(0.02)

    async def destroy(self, session: str) -> None:
        await self.on_sandbox(session, "destroy", Nothing())

    async def release(self, session: str, owner: str = "task") -> None:
        await self.on_sandbox(session, "release", ReleaseRequest(owner=owner))

    async def work(self, request: Work) -> Worked:
        return Worked.model_validate(await self.post("call/Driver/work", request))

    async def begin(self, request: Work) -> str:
        """Invocation id of work that goes on by itself."""
        answer: dict[str, str] = await self.post("send/Driver/work", request)
        return answer["invocationId"]

    async def end_of(self, invocation: str) -> Worked:
        url = f"{self.engine.server.ingress_url}/restate/attach/{invocation}"
        async with self._http.get(url) as response:
            return Worked.model_validate(await response.json())

    async def cancel(self, invocation: str) -> None:
        await self.engine.cancel(invocation)

    async def is_in_time_to_cancel(self, invocation: str) -> bool:
        """Cancel it, unless it has ended."""
        try:
            await self.cancel(invocation)
        except aiohttp.ClientResponseError as error:
            if error.status != 409:
                raise
            return False
        return True

    async def life(self, session: str) -> Life:
        rows = await self.engine.query(
            "select value_utf8 from state where service_name = 'Sandbox'"
            f" and service_key = '{session}' and key = 'life'"
        )
        return Life.model_validate_json(rows[0]["value_utf8"]) if rows else Life()

    async def timers(self, session: str) -> int:
        rows = await self.engine.query(
            "select id from sys_invocation where target_handler_name = 'expire'"
            f" and target_service_key = '{session}' and status = 'scheduled'"
        )
        return len(rows)

    async def until_timers(self, session: str, count: int) -> None:
        async with asyncio.timeout(60):
            while await self.timers(session) != count:
                await asyncio.sleep(0.02)

    async def until_stopped(self, session: str) -> Life:
        async with asyncio.timeout(60):
            while (life := await self.life(session)).running:
                await asyncio.sleep(0.05)
        return life


@asynccontextmanager
async def running_cloud(engine: Engine, *, replay_always: bool = False) -> AsyncIterator[Cloud]:
    """Serves with the settings of the environment as it is now."""
    forget()
    async with engine.serve([sandbox, sweeper, driver]), aiohttp.ClientSession() as http:
        if replay_always:
            await engine.replay_always([sandbox, sweeper, driver])
        yield Cloud(engine, http)
    forget()


def forget() -> None:
    backends.current_backend.cache_clear()
    backends.current_settings.cache_clear()
