"""Owns the app's Socket Mode connections: letting them in, taking turns between them, losing them.

What is sent over them, and how often, is the business of `deliveries.py`.
"""

import asyncio
import json
import uuid
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from local.slack.state import Json
from local.slack.tickets import TicketOffice, TicketRefused
from local.slack.transport import Delivery, Drops, NotAcknowledged

MAX_CONNECTIONS = 10
_ANSWERED = ("view_submission", "block_suggestion")
"""Interactions whose acknowledgement says something."""

_LOST: Json = {}
"""The answer of a connection that ended first."""


@dataclass(eq=False)
class Connection:
    socket: web.WebSocketResponse
    sent: set[str] = field(default_factory=set)
    """Envelope ids that went out here."""

    async def send(self, envelope: Json) -> None:
        """Raises ConnectionResetError when the app is gone."""
        self.sent.add(envelope["envelope_id"])
        await self.socket.send_json(envelope)


@dataclass(frozen=True)
class _Waiting:
    answer: asyncio.Future[Json | None]
    drops: Drops


class Sockets:
    """The live connections of the app."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._tickets: TicketOffice[None] = TicketOffice(seconds=60)
        self._live: list[Connection] = []
        self._turn = 0
        self._arrived = asyncio.Event()
        self._answers: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._live)

    def issue_ticket(self) -> str:
        return self._tickets.issue(None)

    @property
    def ready(self) -> bool:
        return bool(self._live)

    async def until_ready(self) -> None:
        while not self._live:
            self._arrived.clear()
            await self._arrived.wait()

    async def deliver(self, delivery: Delivery, drops: Drops, seconds: float) -> Json | None:
        """Over the connection whose turn it is; see `Transport`."""
        if not self._live:
            raise NotAcknowledged("connection_failed")
        self._turn += 1
        connection = self._live[self._turn % len(self._live)]
        envelope = _envelope(delivery)
        envelope_id = envelope["envelope_id"]
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._answers[envelope_id] = _Waiting(answer, drops)
        try:
            await connection.send(envelope)
            # not wait_for: in Python 3.11 it swallows a cancel that meets a lost connection
            async with asyncio.timeout(seconds):
                given = await answer
        except TimeoutError:
            raise NotAcknowledged("timeout") from None
        except ConnectionResetError:
            given = _LOST
        finally:
            connection.sent.discard(envelope_id)
            del self._answers[envelope_id]
        if given is _LOST:
            raise NotAcknowledged("connection_failed")
        return given

    async def serve(self, request: web.Request) -> web.StreamResponse:
        try:
            self._tickets.use(request.query.get("ticket", ""))
        except TicketRefused:
            return web.Response(status=403, text="This socket address was used or has expired.")
        socket = web.WebSocketResponse(timeout=1.0)  # an app that is gone must not hold up the end
        await socket.prepare(request)
        if len(self._live) >= MAX_CONNECTIONS:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return socket
        connection = Connection(socket)
        self._live.append(connection)
        try:
            await socket.send_json(self._hello())
            self._arrived.set()
            await self._listen(connection)
        finally:
            self._lose(connection)
        return socket

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is WSMsgType.TEXT:
                ack = json.loads(message.data)
                connection.sent.discard(ack["envelope_id"])
                waiting = self._answers.get(ack["envelope_id"])
                if waiting is not None and not waiting.answer.done() and not waiting.drops():
                    waiting.answer.set_result(ack.get("payload"))

    def _lose(self, connection: Connection) -> None:
        self._live.remove(connection)
        for envelope_id in connection.sent:
            waiting = self._answers.get(envelope_id)
            if waiting is not None and not waiting.answer.done():
                waiting.answer.set_result(_LOST)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._live),
            "debug_info": {"host": "applink-local", "approximate_connection_time": 3600},
            "connection_info": {"app_id": self._app_id},
        }

    async def ask_to_reconnect(self) -> None:
        """What Slack does every hour or so: the app opens a new socket and drops this one."""
        for connection in list(self._live):
            await connection.socket.send_json({"type": "disconnect", "reason": "refresh_requested"})

    async def close(self) -> None:
        for connection in list(self._live):
            await connection.socket.close()


def _envelope(delivery: Delivery) -> Json:
    retry = {"retry_attempt": delivery.attempt, "retry_reason": delivery.reason}
    answers = delivery.type == "slash_commands" or delivery.kind in _ANSWERED
    return {
        "envelope_id": str(uuid.uuid4()),
        "type": delivery.type,
        "payload": delivery.payload,
        "accepts_response_payload": answers,
        **(retry if delivery.type == "events_api" else {}),
    }
