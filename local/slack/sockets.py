"""Owns the app's Socket Mode connections: letting them in, taking turns between them, losing them.

What is sent over them and whether it was acknowledged is the business of `deliveries.py`.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from local.slack.state import Json
from local.slack.tickets import TicketOffice, TicketRefused

MAX_CONNECTIONS = 10

OnAck = Callable[[str, Json | None], None]
OnLost = Callable[[str], None]


@dataclass(eq=False)
class Connection:
    socket: web.WebSocketResponse
    sent: set[str] = field(default_factory=set)
    """Envelope ids that went out here."""

    async def send(self, envelope: Json) -> None:
        """Raises ConnectionResetError when the app is gone."""
        self.sent.add(envelope["envelope_id"])
        await self.socket.send_json(envelope)


class Sockets:
    """The live connections of the app."""

    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self._tickets: TicketOffice[None] = TicketOffice(seconds=60)
        self._live: list[Connection] = []
        self._turn = 0
        self._arrived = asyncio.Event()
        self.on_ack: OnAck = lambda _envelope_id, _payload: None
        self.on_lost: OnLost = lambda _envelope_id: None

    def __len__(self) -> int:
        return len(self._live)

    def issue_ticket(self) -> str:
        return self._tickets.issue(None)

    def next(self) -> Connection | None:
        """The connection whose turn it is; None when the app is not connected."""
        if not self._live:
            return None
        self._turn += 1
        return self._live[self._turn % len(self._live)]

    async def next_arrived(self) -> Connection:
        """The same, waiting while the app is not connected."""
        while (connection := self.next()) is None:
            self._arrived.clear()
            await self._arrived.wait()
        return connection

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
                self.on_ack(ack["envelope_id"], ack.get("payload"))

    def _lose(self, connection: Connection) -> None:
        self._live.remove(connection)
        for envelope_id in connection.sent:
            self.on_lost(envelope_id)

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
