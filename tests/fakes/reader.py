"""Stands in for the bot's `Reader`: answers what a test says stood in the thread."""

from dataclasses import dataclass, field
from datetime import timedelta

from restate import Context, Service

from agent import calls
from agent import protocol as p
from agent.endpoint import Durable


@dataclass
class RecordedReader:
    standing: list[p.ThreadMessage] = field(default_factory=list)
    problem: str = ""
    asked: int = 0
    silent: int = 0
    """That many of the next requests are lost, as when an operator ends them."""

    @property
    def services(self) -> list[Durable]:
        reader = Service(p.READER, journal_retention=timedelta(0))

        @reader.handler()
        async def read_thread(ctx: Context, request: p.ReadThread) -> p.Nothing:
            self.asked += 1
            if self.silent:
                self.silent -= 1
                return p.Nothing()
            so_far = p.ThreadSoFar(
                thread=request.thread, messages=self.standing, problem=self.problem
            )
            calls.send(ctx, p.ON_CONTEXT, request.thread.key, so_far)
            return p.Nothing()

        return [reader]
