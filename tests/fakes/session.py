"""The session as a recorder: what a task or a question tells it, and what they read of it."""

import asyncio
from dataclasses import dataclass, field

from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent.endpoint import Durable


@dataclass
class RecordedSession:
    """Serve `service` in place of ours. It answers what a test says was written, when the test lets
    it."""

    unread: p.Unread = field(default_factory=lambda: p.Unread(messages=[]))
    reads: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: list[bool] = field(default_factory=list)
    """What it was told in turn, repeats left out: a send may run twice."""
    done: list[p.TaskDone] = field(default_factory=list)

    @property
    def service(self) -> Durable:
        session = VirtualObject(p.SESSION)

        @session.handler(kind="shared")
        async def read_unread(ctx: ObjectSharedContext, request: p.ReadRequest) -> p.Unread:
            self.reads += 1
            await self.open.wait()
            return self.unread

        @session.handler()
        async def on_waiting(ctx: ObjectContext, news: p.Waiting) -> p.Nothing:
            assert news.task.startswith(ctx.key())
            if self.waiting[-1:] != [news.waiting]:
                self.waiting.append(news.waiting)
            return p.Nothing()

        @session.handler()
        async def on_task_done(ctx: ObjectContext, done: p.TaskDone) -> p.Nothing:
            self.done.append(done)
            return p.Nothing()

        return session
