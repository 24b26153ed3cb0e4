"""Owns moving bytes between two connected sockets, both ways, in bounded memory and time."""

from __future__ import annotations

import select
import socket

CHUNK_BYTES = 1 << 16


class Way:
    """One direction. Reads only what it could hand on, so a slow reader slows the writer."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source = source
        self.sink = sink
        self.held = b""
        self.ended = False
        self.moved = 0

    def read(self) -> None:
        self.held = self.source.recv(CHUNK_BYTES)
        if self.held:
            self.write()
        else:
            self.ended = True
            self.sink.shutdown(socket.SHUT_WR)

    def write(self) -> None:
        try:
            sent = self.sink.send(self.held)
        except BlockingIOError:
            return
        self.moved += sent
        self.held = self.held[sent:]


def relay(
    left: socket.socket,
    right: socket.socket,
    idle_seconds: float,
    limit_bytes: int,
    only_back: bool = False,
) -> tuple[int, int]:
    """Until both sides have said all, one breaks off, nothing moves, or the limit is reached.

    Args:
        only_back: nothing more that `left` says is passed on.

    Returns: bytes moved from left to right, and back.
    """
    left.setblocking(False)
    right.setblocking(False)
    there, back = Way(left, right), Way(right, left)
    there.ended = only_back
    try:
        while not (there.ended and back.ended) and there.moved + back.moved < limit_bytes:
            if not _step((there, back), idle_seconds):
                break
    except OSError:
        pass  # one side hung up in the middle: the caller closes the other
    return there.moved, back.moved


def _step(ways: tuple[Way, Way], idle_seconds: float) -> bool:
    """Move what can be moved. False when nothing could for that long."""
    reading = {way.source: way for way in ways if not way.held and not way.ended}
    writing = {way.sink: way for way in ways if way.held}
    poller = select.poll()
    for connection in {*reading, *writing}:
        wanted = select.POLLIN if connection in reading else 0
        poller.register(connection, wanted | (select.POLLOUT if connection in writing else 0))
    ready = dict(poller.poll(idle_seconds * 1000))
    for connection, way in writing.items():
        if ready.get(connection.fileno(), 0) & ~select.POLLIN:
            way.write()
    for connection, way in reading.items():
        if ready.get(connection.fileno(), 0) & ~select.POLLOUT:
            _read(way)
    return bool(ready)


def _read(way: Way) -> None:
    try:
        way.read()
    except BlockingIOError:
        pass
