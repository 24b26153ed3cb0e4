"""Owns reading which server a TLS client asks for, from the first bytes it sends."""

from __future__ import annotations

HANDSHAKE = 22
CLIENT_HELLO = 1
RECORD_HEADER = 5
HELLO_BYTES = 1 << 14
MAX_RECORDS = 8
"""A hello in crumbs would cost us much and a client nothing."""
SERVER_NAME = 0
HOST_NAME = 0


class NotTls(Exception):
    """The client sent something else, or a hello that says two things."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, size: int) -> bytes:
        if len(self._data) < size:
            raise NotTls("the hello is cut short")
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> bytes:
        return self.take(len(self._data))

    def part(self, length_size: int) -> _Reader:
        """What follows behind its own length."""
        return _Reader(self.take(self.number(length_size)))


def hello_in(data: bytes) -> bytes | None:
    """The whole hello message out of the records that carry it; None while some are missing.

    Raises NotTls.
    """
    hello, at, records = b"", 0, 0
    while len(data) >= at + RECORD_HEADER:
        records += 1
        if records > MAX_RECORDS:
            raise NotTls("the hello is in too many parts")
        if data[at] != HANDSHAKE or data[at + 1] != 3:
            raise NotTls("this is not TLS")
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        hello += data[at + RECORD_HEADER : at + RECORD_HEADER + length]
        at += RECORD_HEADER + length
        if hello and hello[0] != CLIENT_HELLO:
            raise NotTls("this is not the start of TLS")
        if len(hello) >= 4:
            wanted = 4 + int.from_bytes(hello[1:4], "big")
            if wanted > HELLO_BYTES:
                raise NotTls("the hello is too long")
            if len(hello) >= wanted:
                return hello[:wanted]
    return None


def server_name(hello: bytes) -> str | None:
    """None: the client names no server. Raises NotTls."""
    reader = _Reader(hello[4:])
    reader.take(2 + 32)  # version, random
    reader.part(1)  # session
    reader.part(2)  # ciphers
    reader.part(1)  # compressions
    names: list[str] = []
    extensions = reader.part(2) if reader else reader
    while extensions:
        kind, content = extensions.number(2), extensions.part(2)
        if kind == SERVER_NAME:
            listed = content.part(2)
            while listed:
                if listed.number(1) != HOST_NAME:
                    raise NotTls("the hello names no host")
                names.append(listed.part(2).rest().decode("latin-1").lower())
    if len(names) > 1:
        raise NotTls("the hello names two servers")
    return names[0] if names else None
