"""Owns one sandbox's processes: process 1, what it starts, and connections to ports inside.

Big things travel as descriptors: a request is a file in memory, output a pipe, a connection a
socket that process 1 made inside its network and hands out.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.fakes.modal.host import Host

MESSAGE_BYTES = 1 << 16
ENDS_WITHIN_SECONDS = 5.0


class MachineGone(Exception):
    """The sandbox ended, or could not be started; the message says why."""


class Machine:
    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._process = process
        self._control = control
        self._answers: dict[str, asyncio.Future[socket.socket | None]] = {}
        self._codes: dict[str, asyncio.Future[int]] = {}
        self._count = 0
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()

    @classmethod
    async def start(cls, host: Host, root: Path, environment: dict[str, str]) -> Machine:
        """Raises MachineGone."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with tempfile.TemporaryFile() as log, theirs:
            process = host.start(root, environment, theirs.fileno(), log)
            theirs.close()
            machine = cls(process, ours)
            if not await asyncio.get_running_loop().sock_recv(ours, MESSAGE_BYTES):
                await machine.end()
                raise MachineGone(os.pread(log.fileno(), 4000, 0).decode("utf-8", "replace"))
        machine._loop.add_reader(ours, machine._receive)
        return machine

    async def run(self, request: dict[str, Any], stdio: tuple[int, int, int]) -> str:
        """Start a command; gives its name here. The descriptors stay the caller's."""
        name = self._name()
        self._codes[name] = self._loop.create_future()
        started = self._answer(name)
        content = os.memfd_create("request")
        try:
            with os.fdopen(os.dup(content), "wb") as file:
                file.write(json.dumps(request).encode())
            os.lseek(content, 0, os.SEEK_SET)
            self._send({"do": "start", "name": name}, content, *stdio)
        finally:
            os.close(content)
        await started
        return name

    async def code(self, name: str) -> int:
        """Wait status of a command, once it ended. Raises MachineGone."""
        return await asyncio.shield(self._codes[name])

    def kill(self, name: str) -> None:
        if not self._codes[name].done():
            self._send({"do": "kill", "name": name})

    async def connect(self, port: int) -> socket.socket | None:
        """To a port of the sandbox's loopback; None: nothing listens."""
        name = self._name()
        answer = self._answer(name)
        self._send({"do": "connect", "name": name, "port": port})
        return await answer

    async def end(self) -> None:
        """Returns when no process of the sandbox is left. Safe to repeat."""
        self._lose()
        try:
            await asyncio.to_thread(self._process.wait, ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    def _name(self) -> str:
        self._count += 1
        return str(self._count)

    def _answer(self, name: str) -> asyncio.Future[socket.socket | None]:
        self._answers[name] = self._loop.create_future()
        return self._answers[name]

    def _send(self, message: dict[str, Any], *descriptors: int) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(message).encode()], descriptors)
        except OSError as error:
            self._lose()
            raise MachineGone("The sandbox has ended") from error

    def _receive(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        if not data:
            self._lose()
            return
        match json.loads(data):
            case {"started": name} | {"refused": name}:
                _settle(self._answers.pop(name), None)
            case {"connected": name}:
                _settle(self._answers.pop(name), socket.socket(fileno=descriptors[0]))
            case {"ended": name, "status": status}:
                self._codes[name].set_result(status)

    def _lose(self) -> None:
        """Process 1 is gone or going: whoever waits for it learns so."""
        if self.ended.is_set():
            return
        self.ended.set()
        self._loop.remove_reader(self._control)
        self._control.close()
        gone = MachineGone("The sandbox has ended")
        waiting: list[asyncio.Future[Any]] = [*self._answers.values(), *self._codes.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(gone)
                future.exception()  # seen: often nobody waits


def _settle(future: asyncio.Future[socket.socket | None], value: socket.socket | None) -> None:
    if not future.done():
        future.set_result(value)
    elif value is not None:
        value.close()
