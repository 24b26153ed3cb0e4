"""Owns getting things to the app: who has acknowledged what, and what is sent again.

An event that is not acknowledged in three seconds is sent again, up to three times; while the app
is not connected it waits. An interaction is sent once: a person is waiting for the answer. How a
thing travels is the business of the transport, `sockets.py` or `http_mode.py`.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field

from local.slack.errors import Refused
from local.slack.faults import Fault, Faults
from local.slack.limits import Limits
from local.slack.state import Json
from local.slack.transport import Delivery, EnvelopeType, NotAcknowledged, Transport


@dataclass(eq=False)
class _Held:
    """An event held back until others are through."""

    left: int
    free: asyncio.Event = field(default_factory=asyncio.Event)


class Deliveries:
    """Everything on its way to the app."""

    def __init__(self, transport: Transport, faults: Faults, limits: Limits) -> None:
        self.transport = transport
        self._faults = faults
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[_Held] = []
        self._asked_directly = 0
        self.sent = 0
        """Everything that ever went out to the app, repeats included."""
        self.given_up = 0
        """Events that were not acknowledged at any try."""

    @property
    def unacked(self) -> int:
        """Deliveries begun and not over: unsent, unacknowledged, or waiting for the next try."""
        return len(self._tasks) + self._asked_directly

    def send_event(self, payload: Json) -> None:
        """Deliver an event in the background, as often as it takes."""
        kind = str(payload["event"]["type"])
        copies = 2 if self._faults.take(kind, "duplicate") else 1
        late = self._faults.take(kind, "reorder", "delay")
        for _ in range(copies):
            self.run_in_background(self._deliver(payload, kind, late))

    async def ask(self, kind: str, envelope: EnvelopeType, payload: Json) -> Json | None:
        """Deliver an interaction and give back what the app answered in its acknowledgement.

        Raises:
            Refused: the app is not connected, or did not answer well, or in time.
        """
        if not self.transport.ready:
            raise Refused("The app is not connected. Start it and try again.")
        direct = asyncio.current_task() not in self._tasks
        self._asked_directly += direct
        try:
            return await self._attempt(Delivery(kind, envelope, payload), weather=False)
        except NotAcknowledged as error:
            raise Refused(error.sentence(self._limits.ack_seconds)) from error
        finally:
            self._asked_directly -= direct

    def run_in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, payload: Json, kind: str, late: Fault | None) -> None:
        if late is not None:
            await self._hold(late)
        reason = ""
        for attempt, pause in enumerate((*self._limits.retry_delays, None)):
            await self.transport.until_ready()
            delivery = Delivery(kind, "events_api", payload, attempt, reason)
            try:
                await self._attempt(delivery, weather=True)
            except NotAcknowledged as error:
                if error.final:
                    return
                reason = error.reason
            else:
                return
            finally:
                if late is None and attempt == 0:
                    self._let_go()
            if pause is not None:
                await asyncio.sleep(pause)
        self.given_up += 1

    async def _attempt(self, delivery: Delivery, *, weather: bool) -> Json | None:
        def drops() -> bool:
            return self._faults.take(delivery.kind, "drop_ack", weather=weather) is not None

        self.sent += 1
        return await self.transport.deliver(delivery, drops, self._limits.ack_seconds)

    async def _hold(self, late: Fault) -> None:
        """Raises nothing: when no other event comes, the time limit lets this one go."""
        if late.kind == "delay":
            await asyncio.sleep(late.seconds)
            return
        held = _Held(late.after)
        self._held.append(held)
        try:
            async with asyncio.timeout(late.seconds):
                await held.free.wait()
        except TimeoutError:
            return
        finally:
            self._held.remove(held)

    def _let_go(self) -> None:
        """Another event is through: those held back wait for one less."""
        for held in self._held:
            held.left -= 1
            if held.left <= 0:
                held.free.set()
