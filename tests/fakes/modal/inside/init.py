"""Owns process 1 of a sandbox: starts what the fake asks for, reaps, and lends connected sockets.

Its control socket was made outside and inherited; when it closes, process 1 ends, and with it
everything in the sandbox. Runs on the machine's own Python, alone: no import of ours.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys

TYPE_CHECKING = False  # `typing` takes milliseconds at the start of every sandbox
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

MESSAGE_BYTES = 1 << 16
DESCRIPTORS = 4
CONNECT_SECONDS = 5.0
NOT_STARTED = 127


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    os.umask(0o022)
    Init(control).run()


class Init:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._names: dict[int, str] = {}
        """Pid of a started process to its name outside."""
        self._children, writer = os.pipe()
        os.set_blocking(self._children, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> NoReturn:
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(self._children, selectors.EVENT_READ)
        self._send({"ready": True})
        while True:
            for key, _ in selector.select():
                if key.fileobj is self._control:
                    self._receive()
                else:
                    os.read(self._children, MESSAGE_BYTES)
                    self._reap()

    def _send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))

    def _receive(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, DESCRIPTORS)
        if not data:
            os._exit(0)
        message = json.loads(data)
        match message["do"]:
            case "start":
                self._start(message["name"], descriptors)
            case "kill":
                self._kill(message["name"])
            case "connect":
                self._connect(message["name"], message["port"])
        for descriptor in descriptors:
            os.close(descriptor)

    def _start(self, name: str, descriptors: list[int]) -> None:
        """Descriptors: the request as JSON in a file (it may be long), then 0, 1 and 2."""
        with os.fdopen(os.dup(descriptors[0]), "rb") as file:
            request = json.load(file)
        pid = os.fork()
        if pid == 0:
            become(request, descriptors[1:])
        self._names[pid] = name
        self._send({"started": name})

    def _kill(self, name: str) -> None:
        for pid, known in self._names.items():
            if known == name:
                os.killpg(pid, signal.SIGKILL)

    def _connect(self, name: str, port: int) -> None:
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as connection:
                connection.settimeout(CONNECT_SECONDS)
                try:
                    connection.connect((host, port))
                except OSError:
                    continue
                connection.setblocking(False)
                self._send({"connected": name}, [connection.fileno()])
                return
        self._send({"refused": name})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid in self._names:
                self._send({"ended": self._names.pop(pid), "status": status})


def become(request: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """In the forked child: turn into the command, or say on stderr why not."""
    try:
        os.setsid()
        for target, descriptor in enumerate(descriptors):
            os.dup2(descriptor, target)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(request["workdir"])
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except (OSError, ValueError) as error:
        os.write(2, f"exec {request['argv'][0]!r} in {request['workdir']}: {error}\n".encode())
    finally:
        os._exit(NOT_STARTED)


main()
