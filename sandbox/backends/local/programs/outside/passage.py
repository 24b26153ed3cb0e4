"""Owns getting a socket of the sandbox's own network out of it, from process 1."""

from __future__ import annotations

import os
import select
import socket

from .. import framing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..framing import Header

    ConnectInside = Callable[[], socket.socket]

ACCEPTED_WITHIN_SECONDS = 5.0
LOOPBACKS = ("127.0.0.1", "::1")
"""Some servers listen on one of the two only."""


class Closed(Exception):
    """Nothing in the sandbox listens on that port, or it does not accept."""


def listener_inside(connect_inside: ConnectInside, port: int) -> socket.socket:
    """Raises OSError, FramingError."""
    listener = _ask(connect_inside, {"op": "listen", "port": port})
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        raise framing.FramingError("the sandbox gave a socket that does not listen")
    listener.setblocking(True)
    return listener


def dial_inside(connect_inside: ConnectInside, port: int) -> socket.socket:
    """Raises Closed, OSError, FramingError."""
    for loopback in LOOPBACKS:
        try:
            dialled = _ask(connect_inside, {"op": "dial", "port": port, "loopback": loopback})
        except Closed:
            continue
        if _is_accepted(dialled):
            dialled.setblocking(True)
            return dialled
        dialled.close()
    raise Closed


def _is_accepted(dialled: socket.socket) -> bool:
    poller = select.poll()
    poller.register(dialled, select.POLLOUT)
    ready = poller.poll(ACCEPTED_WITHIN_SECONDS * 1000)
    return bool(ready) and not dialled.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def _ask(connect_inside: ConnectInside, request: Header) -> socket.socket:
    with connect_inside() as inside:
        framing.send(inside, request)
        answer, _ = framing.receive(inside)
        if "error" in answer:
            raise framing.FramingError(str(answer.get("message")))
        if "closed" in answer:
            raise Closed
        _, given, _, _ = socket.recv_fds(inside, 1, 1, socket.MSG_CMSG_CLOEXEC)
    if len(given) != 1:
        for fd in given:
            os.close(fd)
        raise framing.FramingError("the sandbox gave no socket")
    return socket.socket(fileno=given[0])
