"""Owns showing a port of the sandbox to a browser on this machine.

A preview is a listener on the machine's loopback with an unguessable host name of its own, so the
cookies of one preview are not sent to another. Only a request for that name is passed on, as raw
bytes, to that port of the sandbox and never to anything else.
"""

from __future__ import annotations

import hmac
import os
import socket
import threading

from ..framing import FramingError
from .connections import serve_in_background
from .http import BadRequest, Head, read_head, refuse
from .passage import Closed, dial_inside
from .relay import relay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CONNECTIONS = 64
"""Of all previews of one sandbox together."""
IDLE_SECONDS = 600.0
CONNECTION_BYTES = 4 << 30


class Previews:
    """For one thread at a time.

    Args:
        touch: called at every hit: a sandbox that is looked at is in use.
    """

    def __init__(
        self, connect_inside: Callable[[], socket.socket], touch: Callable[[], None]
    ) -> None:
        self._connect_inside = connect_inside
        self._touch = touch
        self._slots = threading.Semaphore(CONNECTIONS)
        self._doors: dict[int, int] = {}
        """Ports of the machine by ports of the sandbox; a door stays, its name may change."""
        self._authorities: dict[int, str] = {}

    def expose(self, port: int) -> str:
        """The address of this port; the same until it is hidden. Raises OSError."""
        if port not in self._doors:
            self._doors[port] = self._open(port)
        if port not in self._authorities:
            self._authorities[port] = f"{os.urandom(16).hex()}.localhost:{self._doors[port]}"
        return f"http://{self._authorities[port]}/"

    def hide(self, port: int) -> None:
        """Forget its name: no further request is passed on."""
        self._authorities.pop(port, None)

    def _open(self, port: int) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        serve_in_background(listener, lambda browser: self._serve(browser, port), self._slots)
        return int(listener.getsockname()[1])

    def _serve(self, browser: socket.socket, port: int) -> None:
        try:
            request = read_head(browser)
            hosts = Head(request).values("host")
        except BadRequest as problem:
            refuse(browser, 400, str(problem))
            return
        authority = self._authorities.get(port, "")
        if (
            len(hosts) != 1
            or not authority
            or not hmac.compare_digest(hosts[0].lower().encode(), authority.encode())
        ):
            refuse(
                browser,
                403,
                "This address shows nothing: open the preview by its whole link. A preview ends "
                "at the time that was said with its link.",
            )
            return
        self._touch()
        try:
            server = dial_inside(self._connect_inside, port)
        except (Closed, FramingError, OSError):
            refuse(
                browser,
                502,
                f"Nothing answers on port {port} in the sandbox: start the server there, then "
                "load this page again.",
            )
            return
        with server:
            server.sendall(request)
            relay(browser, server, IDLE_SECONDS, CONNECTION_BYTES)
