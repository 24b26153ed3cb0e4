"""Owns as much of HTTP as a proxy needs: reading the head of a request, refusing in a sentence."""

from __future__ import annotations

import socket
import time

HEAD_BYTES = 16 << 10
HEAD_SECONDS = 10.0
DRAIN_BYTES = 4 << 20
DRAIN_SECONDS = 2.0
READ_BYTES = 1 << 14
END = b"\r\n\r\n"
BREAKS = frozenset("\r\n\0")
"""What some servers take for the end of a line, and others do not."""


class BadRequest(Exception):
    """Too long, too slow, or not HTTP; the message is the sentence."""


class Head:
    """The head of a request, and what was read behind it."""

    def __init__(self, data: bytes) -> None:
        head, _, self.rest = data.partition(END)
        first, *lines = head.decode("latin-1").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or BREAKS.intersection(first):
            raise BadRequest("This is not a request of HTTP/1.1.")
        self.method, self.target, _ = parts
        self.fields: list[tuple[str, str]] = []
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip() or BREAKS.intersection(line):
                raise BadRequest("A header line of the request is malformed.")
            self.fields.append((name, value.strip()))

    def values(self, name: str) -> list[str]:
        return [value for field, value in self.fields if field.lower() == name]


def read_head(connection: socket.socket) -> bytes:
    """Up to the empty line, and whatever came along with it. Raises BadRequest, OSError."""
    data = bytearray()
    deadline = time.monotonic() + HEAD_SECONDS
    while END not in data:
        if len(data) >= HEAD_BYTES:
            raise BadRequest(f"The head of the request is longer than {HEAD_BYTES >> 10} KB.")
        data += receive_before(deadline, connection, min(READ_BYTES, HEAD_BYTES - len(data)))
    return bytes(data)


def receive_before(deadline: float, connection: socket.socket, size: int) -> bytes:
    """At least one byte. Raises BadRequest when time is over, ConnectionError at the end."""
    left = deadline - time.monotonic()
    if left > 0:
        connection.settimeout(left)
        try:
            data = connection.recv(size)
        except socket.timeout:  # noqa: UP041 - before Python 3.10 it is not TimeoutError
            pass
        else:
            if not data:
                raise ConnectionResetError("the connection was closed inside a request")
            return data
    raise BadRequest(f"The request did not arrive within {HEAD_SECONDS:.0f} s.")


def refuse(connection: socket.socket, status: int, sentence: str) -> None:
    """The sentence is the reason too: tools that cannot open a tunnel show nothing else of it."""
    body = f"{sentence}\n".encode("ascii", "replace")
    connection.settimeout(DRAIN_SECONDS)
    connection.sendall(
        b"HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
        b"Connection: close\r\nCache-Control: no-store\r\n\r\n%s"
        % (status, body.strip(), len(body), body)
    )
    _hang_up(connection)


def _hang_up(connection: socket.socket) -> None:
    """Closing with bytes unread would make the kernel throw our answer away."""
    connection.shutdown(socket.SHUT_WR)
    deadline, left = time.monotonic() + DRAIN_SECONDS, DRAIN_BYTES
    while left > 0 and time.monotonic() < deadline:
        try:
            data = connection.recv(min(left, READ_BYTES))
        except socket.timeout:  # noqa: UP041
            return
        if not data:
            return
        left -= len(data)
