"""Stands in for the bot's `Upload` service: real addresses on loopback, each good for one POST."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from restate import Context, Service

from agent import protocol as p
from agent.endpoint import Durable
from tests.serving import serving


@dataclass
class RecordedUploads:
    url: str
    shared: list[tuple[p.UploadFinish, bytes]] = field(default_factory=list)
    bodies: dict[str, bytes | None] = field(default_factory=dict)
    """By file id; None until it was posted."""
    begins: p.UploadTicket | None = None
    """Answer to every `begin` instead of an address."""
    refuses: p.UploadReceipt | None = None
    """Answer to every `finish`."""
    failing: int = 0
    """That many of the next POSTs take the bytes and answer 500: the answer is as good as lost."""

    @property
    def services(self) -> list[Durable]:
        upload = Service(p.UPLOAD)

        @upload.handler()
        async def begin(ctx: Context, _: p.UploadStart) -> p.UploadTicket:
            if self.begins is not None:
                return self.begins
            file_id = f"F{len(self.bodies)}"
            self.bodies[file_id] = None
            return p.UploadTicket(file_id=file_id, upload_url=f"{self.url}/{file_id}")

        @upload.handler()
        async def finish(ctx: Context, finish: p.UploadFinish) -> p.UploadReceipt:
            if self.refuses is not None:
                return self.refuses
            body = self.bodies[finish.file_id]
            if body is None:
                return p.UploadReceipt(ok=False, error="Nothing was uploaded there.")
            if finish.file_id not in [done.file_id for done, _ in self.shared]:
                self.shared.append((finish, body))
            return p.UploadReceipt(ok=True)

        return [upload]


@asynccontextmanager
async def recorded_uploads() -> AsyncIterator[RecordedUploads]:
    recorded = RecordedUploads(url="")

    async def take(request: web.Request) -> web.Response:
        file_id = request.match_info["file"]
        if recorded.bodies.get(file_id, b"") is not None:
            return web.Response(status=404, text="no such upload, or used already")
        recorded.bodies[file_id] = await request.read()
        if recorded.failing:
            recorded.failing -= 1
            return web.Response(status=500)
        return web.Response(text="OK")

    app = web.Application(client_max_size=1 << 30)
    app.router.add_post("/{file}", take)
    async with serving(app) as recorded.url:
        yield recorded
