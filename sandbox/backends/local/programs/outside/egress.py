"""Owns the way out of a sandbox: a proxy that reaches allowed names, and nothing else.

Its listener was made inside the sandbox's own network, so there is nothing in the sandbox that
could be killed or replaced. A tunnel is TLS to the very name that was asked for; whatever else a
client says in it is between the client and that server.
"""

from __future__ import annotations

import os
import socket
import threading
import time

from . import tlshello
from .allowlist import Denied, addresses, find_rule, split_authority
from .connections import serve_in_background
from .http import BadRequest, Head, read_head, receive_before, refuse
from .passage import listener_inside
from .relay import relay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..framing import Header
    from .allowlist import Resolve

PORT = 3128
LOG = "egress.log"
LOG_BYTES = 512 << 10
"""Of the log, and of the older one beside it."""
CONNECTIONS = 64
CONNECT_SECONDS = 10.0
ADDRESSES_TRIED = 4
HELLO_SECONDS = 10.0
IDLE_SECONDS = 120.0
CONNECTION_BYTES = 2 << 30
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
DROPPED = frozenset({"host", "connection", "proxy-connection", "proxy-authorization", "keep-alive"})


class Unreachable(Exception):
    """Allowed, but it does not answer; the message is the sentence."""


class Log:
    """Who was let through and who was not: names, never paths. Bounded, outside the sandbox."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._writing = threading.Lock()

    def add(self, verdict: str, target: str, detail: str = "") -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with self._writing, open(self._path, "a", encoding="ascii", errors="replace") as file:
            file.write(f"{now} {verdict} {target} {detail}".rstrip() + "\n")
            if file.tell() > LOG_BYTES:
                os.replace(self._path, f"{self._path}.1")


class Proxy:
    def __init__(
        self, rules: list[Header], log: Log, resolve: Resolve = socket.getaddrinfo
    ) -> None:
        self._rules = rules
        self._log = log
        self._resolve = resolve

    def handle(self, client: socket.socket) -> None:
        """One connection of a client inside."""
        target = "-"
        try:
            head = Head(read_head(client))
            host, port, plain = _wanted(head)
            target = f"{host}:{port}"
            rule = find_rule(self._rules, host, port, plain)
            if plain:
                opening = _forwarded(head, host, port)
            server = self._dial(rule, host, port)
        except (Denied, BadRequest) as refusal:
            self._log.add("DENY", target, str(refusal))
            refuse(client, 403 if isinstance(refusal, Denied) else 400, str(refusal))
            return
        except Unreachable as failure:
            self._log.add("FAIL", target, str(failure))
            refuse(client, 502, str(failure))
            return
        with server:
            if not plain:
                client.sendall(ESTABLISHED)
                opening = self._hello(client, head.rest, host, target)
            if opening:
                self._pass(client, server, opening, target, plain)

    def _dial(self, rule: Header, host: str, port: int) -> socket.socket:
        try:
            found = addresses(rule, host, port, self._resolve)
        except (OSError, UnicodeError):
            raise Unreachable(f"{host} is not known to this machine's name server.") from None
        for address in found[:ADDRESSES_TRIED]:
            try:
                server = socket.create_connection((address, port), CONNECT_SECONDS)
            except OSError:
                continue
            if server.getsockname()[0] == server.getpeername()[0] and not rule["near"]:
                server.close()
                raise Denied(f"{host} resolves to this machine itself.")
            return server
        raise Unreachable(f"{host} does not answer on port {port}.")

    def _hello(self, client: socket.socket, first: bytes, host: str, target: str) -> bytes:
        """The first bytes of the tunnel, once they are known to be meant for `host`; else none."""
        try:
            data, name = _read_hello(client, first)
        except (tlshello.NotTls, BadRequest) as problem:
            self._log.add("DENY", target, str(problem))
            return b""
        is_address = host.startswith("[") or host.replace(".", "").isdigit()
        if name == host or (is_address and name is None):
            return data
        self._log.add("DENY", target, "TLS for another server")
        return b""

    def _pass(
        self, client: socket.socket, server: socket.socket, opening: bytes, target: str, plain: bool
    ) -> None:
        self._log.add("ALLOW", target)
        server.sendall(opening)
        sent, received = relay(client, server, IDLE_SECONDS, CONNECTION_BYTES, only_back=plain)
        self._log.add("CLOSE", target, f"sent={len(opening) + sent} received={received}")


def start(config: Header, connect_inside: Callable[[], socket.socket]) -> None:
    """Raises OSError, FramingError."""
    proxy = Proxy(config["egress"], Log(LOG))
    listener = listener_inside(connect_inside, PORT)
    serve_in_background(listener, proxy.handle, threading.Semaphore(CONNECTIONS))


def _wanted(head: Head) -> tuple[str, int, bool]:
    """Host, port, and whether it is asked without TLS. Raises Denied."""
    if head.method == "CONNECT":
        return (*split_authority(head.target), False)
    scheme, separator, rest = head.target.partition("://")
    if not separator or scheme.lower() != "http":
        raise Denied("This is a proxy: it opens tunnels for https.")
    authority = rest.partition("/")[0]
    return (*split_authority(authority if ":" in authority else f"{authority}:80"), True)


def _forwarded(head: Head, host: str, port: int) -> bytes:
    """A request without TLS as the server is sent it: reading only, one a connection.

    So nothing of the client is passed on after it, and no second request can hide in it.
    """
    if head.method not in ("GET", "HEAD") or head.rest:
        raise Denied(f"{host} may be read from only (GET and HEAD).")
    if head.values("content-length") or head.values("transfer-encoding"):
        raise Denied(f"{host} may be read from only (no content).")
    path = "/" + head.target.partition("://")[2].partition("/")[2]
    lines = [f"{head.method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in head.fields if name.lower() not in DROPPED]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _read_hello(client: socket.socket, data: bytes) -> tuple[bytes, str | None]:
    """What was read, and the server it asks for. Raises NotTls, BadRequest, OSError."""
    deadline = time.monotonic() + HELLO_SECONDS
    while (hello := tlshello.hello_in(data)) is None:
        data += receive_before(deadline, client, tlshello.HELLO_BYTES)
    return data, tlshello.server_name(hello)
