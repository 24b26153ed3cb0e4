"""Owns the sockets of the sandbox's own network that are handed to the supervisor outside.

Both are bound to the loopback of the sandbox, so whoever holds them can reach nothing else of it.
"""

from __future__ import annotations

import errno
import socket

from .. import framing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header

LOOPBACKS = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
BACKLOG = 128


def listen(request: Header, connection: socket.socket) -> None:
    """Made before the first command runs, so nobody else can have the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", request["port"]))
        listener.listen(BACKLOG)
        _hand_over(connection, listener)


def dial(request: Header, connection: socket.socket) -> None:
    """Never waits: whether it was accepted is the supervisor's to find out."""
    host = request["loopback"]
    with socket.socket(LOOPBACKS[host], socket.SOCK_STREAM) as dialled:
        dialled.setblocking(False)
        if dialled.connect_ex((host, request["port"])) in (0, errno.EINPROGRESS):
            _hand_over(connection, dialled)
            return
    framing.send(connection, {"closed": True})
    connection.close()


def _hand_over(connection: socket.socket, given: socket.socket) -> None:
    framing.send(connection, {})
    socket.send_fds(connection, [b"s"], [given.fileno()])
    connection.close()
