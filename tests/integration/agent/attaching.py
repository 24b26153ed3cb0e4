"""Attached files without Slack: the bot's `Files` in small, and a service that takes files in."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import restate
from aiohttp import web
from restate import Context, Service

from agent import protocol as p
from agent.attachments import take_in
from agent.endpoint import Durable
from sandbox import client as sandbox
from sandbox.backend import current_backend
from sandbox.errors import SandboxError
from sandbox.object import sandbox as sandbox_object
from sandbox.protocol import SandboxRef
from sandbox.sweeper import sweeper
from tests.fakes.restate import Engine
from tests.integration.agent.driver import (
    ANA,
    THREAD,
)

MB = 1 << 20


class Taking(p.Wire):
    entry: p.HistoryEntry
    fence: int = 5


class Took(p.Wire):
    entry: p.HistoryEntry
    sandbox: SandboxRef
    error: str = ""


taker = restate.Service("Taker")


@taker.handler()
async def take(ctx: Context, request: Taking) -> Took:
    """As a task does before it plans."""
    lease = await sandbox.acquire(ctx, THREAD.key, "taker")
    box = sandbox.SandboxClient(ctx, lease.ref, request.fence)
    try:
        await box.claim("claim")
        entry = await take_in(ctx, box, THREAD, request.entry)
    except SandboxError as error:
        return Took(entry=request.entry, sandbox=lease.ref, error=type(error).__name__)
    return Took(entry=entry, sandbox=lease.ref)


def message(*files: p.Attachment, ts: str = "1.000001") -> p.HistoryEntry:
    return p.HistoryEntry(seq=1, ts=ts, author=ANA, text="use these", files=list(files))


def attachment(name: str, file_id: str = "F1", mimetype: str = "") -> p.Attachment:
    return p.Attachment(file_id=file_id, name=name, mimetype=mimetype, size_bytes=1)


@dataclass
class House:
    engine: Engine
    last: SandboxRef | None = None

    async def take(self, entry: p.HistoryEntry, fence: int = 5) -> Took:
        handler = p.Handler("Taker", "take", Taking, Took)
        took = await self.engine.client.call(handler, None, Taking(entry=entry, fence=fence))
        self.last = took.sandbox
        return took

    async def content(self, path: str) -> bytes:
        assert self.last is not None
        return await current_backend().read_bytes(self.last, path, 8 * MB)

    async def project(self) -> list[str]:
        assert self.last is not None
        listing = await current_backend().list_files(self.last, ".", 1000)
        return [info.path for info in listing.files if info.kind == "file"]


@asynccontextmanager
async def house(
    engine: Engine,
    services: list[Durable],
    pages: dict[str, Any] | None = None,
    port: int | None = None,
    *,
    replay_always: bool = False,
) -> AsyncIterator[House]:
    every = [*services, taker, sandbox_object, sweeper]
    async with engine.serve(every, pages=pages, port=port):
        if replay_always:
            await engine.replay_always(every)
        yield House(engine)


Give = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Tickets:
    """The bot's `Files` in small: every ticket is another address, and `answers` come in order."""

    url: str = ""
    problem: str = ""
    answers: list[Give] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths in the order in which content was asked for."""
    given: int = 0

    @property
    def service(self) -> Service:
        files = Service(p.FILES)

        @files.handler("open")
        async def open(ctx: Context, request: p.FileRequest) -> p.FileTicket:
            if self.problem:
                return p.FileTicket(problem=self.problem)
            self.given += 1
            url = f"{self.url}/{request.file_id}/{self.given}"
            return p.FileTicket(url=url, name="x", mimetype="text/plain")

        return files

    async def give(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        return await (self.answers.pop(0) if self.answers else content(b"fine"))(request)


def content(data: bytes, status: int = 200) -> Give:
    async def give(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=data)

    return give


async def cut(request: web.Request) -> web.StreamResponse:
    """Half of what was promised, then nothing more."""
    response = web.StreamResponse(headers={"content-length": str(10 * MB)})
    await response.prepare(request)
    await response.write(bytes(5 * MB))
    assert request.transport is not None
    request.transport.close()
    return response
