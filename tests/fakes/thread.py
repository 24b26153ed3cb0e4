"""The bot's durable objects as recorders: what the agent told a thread, in order, without Slack."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent.endpoint import Durable

B = TypeVar("B")


class RecordedThreads:
    """Serve `services` in place of the bot's. Events are deduplicated by slot and revision."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, str, int], p.ThreadEvent] = {}
        self._changed = asyncio.Condition()
        thread = VirtualObject(p.THREAD)

        @thread.handler()
        async def show(ctx: ObjectContext, event: p.ThreadEvent) -> p.Nothing:
            async with self._changed:
                key = (event.thread.key, event.slot, event.rev)
                self._events.setdefault(key, event)
                self._changed.notify_all()
            return p.Nothing()

        @thread.handler(kind="shared")
        async def spent(ctx: ObjectSharedContext, request: p.SpentRequest) -> p.Spent:
            told = [
                event.body.spent
                for event in sorted(self.events, key=lambda event: event.rev)
                if isinstance(event.body, p.ActivityBody)
                and event.slot == f"activity:{request.task}"
                and event.body.spent
            ]
            return told[-1] if told else p.Spent()

        self.services: list[Durable] = [thread]

    @property
    def events(self) -> list[p.ThreadEvent]:
        return list(self._events.values())

    def bodies(self, kind: type[B]) -> list[B]:
        return [event.body for event in self.events if isinstance(event.body, kind)]

    async def until(self, kind: type[B], holds: Callable[[B], bool], seconds: float = 90) -> B:
        """The first body of this kind that holds. Raises AssertionError when none comes in time."""

        def found() -> B | None:
            return next((body for body in self.bodies(kind) if holds(body)), None)

        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: found() is not None)
        except TimeoutError:
            shown = "\n".join(f"{e.slot} {e.rev} {e.body}" for e in self.events)
            raise AssertionError(f"No such {kind.__name__} within {seconds} s:\n{shown}") from None
        body = found()
        assert body is not None
        return body
