"""Owns getting things to the app: who has acknowledged what, and what is sent again.

An event that is not acknowledged in three seconds is sent again, up to three times; while the app
is not connected it waits. An interaction is sent once: a person is waiting for the answer.
"""

import asyncio
import uuid
from collections.abc import Coroutine
from typing import Literal

from local.slack.errors import Refused
from local.slack.faults import Faults
from local.slack.limits import Limits
from local.slack.sockets import Connection, Sockets
from local.slack.state import Json

EnvelopeType = Literal["events_api", "interactive", "slash_commands"]
FailureReason = Literal["timeout", "connection_failed"]


_LOST: Json = {}
"""The answer of a connection that ended first."""


class _NotAcknowledged(Exception):
    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Deliveries:
    """Everything on its way to the app."""

    def __init__(self, sockets: Sockets, faults: Faults, limits: Limits) -> None:
        self._sockets = sockets
        self._faults = faults
        self._limits = limits
        self._kinds: dict[str, str] = {}
        self._answers: dict[str, asyncio.Future[Json | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked_directly = 0
        sockets.on_ack = self._acknowledge
        sockets.on_lost = self._lose

    @property
    def unacked(self) -> int:
        """Deliveries begun and not over: unsent, unacknowledged, or waiting for the next try."""
        return len(self._tasks) + self._asked_directly

    def send_event(self, payload: Json) -> None:
        """Deliver an event in the background, as often as it takes."""
        kind = str(payload["event"]["type"])
        copies = 2 if self._faults.take(kind, "duplicate") else 1
        for _ in range(copies):
            self.run_in_background(self._deliver(payload, kind))

    async def ask(self, kind: str, envelope: EnvelopeType, payload: Json) -> Json | None:
        """Deliver an interaction and give back what the app answered in its acknowledgement.

        Raises:
            Refused: the app is not connected, or did not answer in time.
        """
        connection = self._sockets.next()
        if connection is None:
            raise Refused("The app is not connected. Start it and try again.")
        direct = asyncio.current_task() not in self._tasks
        self._asked_directly += direct
        try:
            return await self._attempt(connection, kind, envelope, payload, {})
        except _NotAcknowledged as error:
            raise Refused(
                f"The app did not answer within {self._limits.ack_seconds:g} seconds."
            ) from error
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

    async def _deliver(self, payload: Json, kind: str) -> None:
        retry: Json = {"retry_attempt": 0, "retry_reason": ""}
        for attempt, pause in enumerate((*self._limits.retry_delays, None), start=1):
            connection = await self._sockets.next_arrived()
            try:
                await self._attempt(connection, kind, "events_api", payload, retry)
            except _NotAcknowledged as error:
                retry = {"retry_attempt": attempt, "retry_reason": error.reason}
            else:
                return
            if pause is not None:
                await asyncio.sleep(pause)

    async def _attempt(
        self, connection: Connection, kind: str, type_: EnvelopeType, payload: Json, retry: Json
    ) -> Json | None:
        envelope_id = str(uuid.uuid4())
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._answers[envelope_id] = answer
        self._kinds[envelope_id] = kind
        envelope = {
            "envelope_id": envelope_id,
            "type": type_,
            "payload": payload,
            "accepts_response_payload": type_ == "slash_commands" or kind == "view_submission",
            **retry,
        }
        try:
            await connection.send(envelope)
            # not wait_for: in Python 3.11 it swallows a cancel that meets a lost connection
            async with asyncio.timeout(self._limits.ack_seconds):
                given = await answer
        except TimeoutError:
            raise _NotAcknowledged("timeout") from None
        except ConnectionResetError:
            given = _LOST
        finally:
            connection.sent.discard(envelope_id)
            del self._answers[envelope_id], self._kinds[envelope_id]
        if given is _LOST:
            raise _NotAcknowledged("connection_failed")
        return given

    def _acknowledge(self, envelope_id: str, payload: Json | None) -> None:
        answer = self._answers.get(envelope_id)
        if answer is None or answer.done():
            return  # too late: it has been given up, or sent again
        if self._faults.take(self._kinds[envelope_id], "drop_ack"):
            return
        answer.set_result(payload)

    def _lose(self, envelope_id: str) -> None:
        answer = self._answers.get(envelope_id)
        if answer is not None and not answer.done():
            answer.set_result(_LOST)
