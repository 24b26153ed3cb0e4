"""Owns the way from outside to a port of a sandbox: a loopback address that forwards.

It takes plain connections and, when the machine has openssl, TLS ones with a certificate of its
own: the SDK says `https://`.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from pathlib import Path

TLS_HANDSHAKE = b"\x16"
CHUNK_BYTES = 1 << 16
NOBODY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

Connect = Callable[[int], Awaitable[socket.socket | None]]


class Tunnel:
    def __init__(
        self,
        port: int,
        connect: Connect,
        activity: Callable[[], AbstractContextManager[None]],
        tls: ssl.SSLContext | None,
        unencrypted: bool,
    ) -> None:
        self.port = port
        self.unencrypted = unencrypted
        self._connect = connect
        self._activity = activity
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()
        self._spawn(self._accept())

    def _spawn(self, coroutine: Awaitable[None]) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(self._listener)
            self._spawn(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        with self._activity(), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await self._greet(connection)
            try:
                inside = await self._connect(self.port)
                if inside is None:
                    if not self.unencrypted:
                        writer.write(NOBODY)
                        await writer.drain()
                    return
                far_reader, far_writer = await asyncio.open_connection(sock=inside)
                try:
                    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
                finally:
                    far_writer.close()
            finally:
                writer.close()

    async def _greet(
        self, connection: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Whoever connects over HTTP speaks first; the first byte tells whether it is TLS."""
        tls = None
        if self._tls is not None:
            with connection.dup() as looking:
                tls = self._tls if await _first_byte(looking) == TLS_HANDSHAKE else None
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, connection, ssl=tls)
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _first_byte(connection: socket.socket) -> bytes:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()  # TLS knows no half-closed connection


async def make_certificate(folder: Path) -> ssl.SSLContext | None:
    """For 127.0.0.1, trusted by nobody; None: this machine has no openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    key, certificate = folder / "tls.key", folder / "tls.crt"
    line = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    line += ["-nodes", "-days", "30", "-subj", "/CN=127.0.0.1"]
    line += [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(key),
        "-out",
        str(certificate),
    ]
    process = await asyncio.create_subprocess_exec(
        *line, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"openssl made no certificate: {said.decode()}")
    key.chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
