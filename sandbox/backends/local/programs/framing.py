"""Owns how the processes of one sandbox talk: a JSON header and raw bytes, each behind its length.

Whatever arrives is treated as hostile: lengths are capped before anything is allocated, and JSON is
the only encoding.
"""

from __future__ import annotations

import json
import socket
import struct

TYPE_CHECKING = False  # `typing` costs milliseconds at the start of every sandbox
if TYPE_CHECKING:
    from typing import Any

    Header = dict[str, Any]

LENGTHS = struct.Struct("!II")
MAX_HEADER_BYTES = 1 << 20
MAX_BODY_BYTES = 32 << 20


class FramingError(Exception):
    """The other side sent something that is no frame, or hung up inside one."""


class HungUp(FramingError):
    """The other side closed the connection between two frames."""


def send(connection: socket.socket, header: Header, body: bytes = b"") -> None:
    encoded = json.dumps(header).encode()
    if len(encoded) > MAX_HEADER_BYTES or len(body) > MAX_BODY_BYTES:
        raise FramingError("the frame is too large")
    connection.sendall(LENGTHS.pack(len(encoded), len(body)) + encoded)
    if body:
        connection.sendall(body)


def receive(connection: socket.socket) -> tuple[Header, bytes]:
    header, body_length = receive_header(connection)
    return header, receive_exactly(connection, body_length)


def receive_header(connection: socket.socket) -> tuple[Header, int]:
    """The header alone, and the length of the body that follows it."""
    first = connection.recv(LENGTHS.size)
    if not first:
        raise HungUp("the connection was closed")
    lengths = first + receive_exactly(connection, LENGTHS.size - len(first))
    header_length, body_length = check_lengths(lengths)
    return decode_header(receive_exactly(connection, header_length)), body_length


def check_lengths(lengths: bytes) -> tuple[int, int]:
    header_length, body_length = LENGTHS.unpack(lengths)
    if header_length > MAX_HEADER_BYTES or body_length > MAX_BODY_BYTES:
        raise FramingError(f"a frame of {header_length}+{body_length} bytes is refused")
    return header_length, body_length


def decode_header(encoded: bytes) -> Header:
    try:
        header = json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise FramingError("the header is not JSON") from error
    if not isinstance(header, dict):
        raise FramingError("the header is not a JSON object")
    return header


def receive_exactly(connection: socket.socket, length: int) -> bytes:
    if not length:
        return b""
    received = bytearray()
    while len(received) < length:
        chunk = connection.recv(min(length - len(received), 1 << 18))
        if not chunk:
            raise FramingError("the connection was closed inside a frame")
        received += chunk
    return bytes(received)
