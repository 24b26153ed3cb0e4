"""Owns the life of one sandbox: starts it, answers workers, ends it by lease or request.

A process of its own, detached from the worker that started it, so a command survives a worker's
crash and any worker finds the sandbox by its folder. When this process dies, the sandbox dies with
it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time

from .. import framing
from . import bwrap, snapshots
from .box import ENDS_WITHIN_SECONDS, MOUNTED, Box, Busy
from .erase import erase
from .identity import end
from .ledger import Ledger
from .report import report
from .service import INSIDE_SOCKET, Service

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header

SOCKET = "sock"
LOG = "log"
BACKLOG = 128
LOOK_SECONDS = 10.0
"""Longest time between two looks at the lease and at the folder."""


def supervise(config: Header) -> None:
    """Detach, start the sandbox, tell the worker how it went, and stay until the end of it."""
    if os.fork():
        os._exit(0)  # the worker reaps this one; the other half belongs to nobody
    try:
        box = Box.claim(config["boxes"], config["name"])
        box.end_earlier()
    except Busy:
        report({"busy": True})
        return
    log = os.open(LOG, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    os.dup2(log, 2)
    supervisor = Supervisor(config, box, log)
    told = supervisor.start()
    if "error" in told:
        report(told)
        return
    listener = _listen(SOCKET)
    report(told)
    supervisor.serve(listener)


class Supervisor:
    def __init__(self, config: Header, box: Box, log: int) -> None:
        self._config = config
        self._box = box
        self._log = log
        self._bwrap = 0
        self._sandbox: Header | None = None
        self._service: Service | None = None

    def start(self) -> Header:
        restored, empty = None, False
        if not self._box.has_files():
            wanted = self._config["snapshot_ids"]
            try:
                restored = snapshots.restore(self._config, self._box, wanted, self._log)
            except snapshots.CannotUnpack:
                return {"error": "start", "message": self._said()}
            if restored is None:
                self._box.make_files()
                empty = True
        generation = max(self._box.generation, self._config["known_generation"]) + 1
        self._box.begin(generation, self._config["lease_seconds"], restored, empty)
        self._service = Service(self._config, self._box, Ledger(generation))
        self._launch()
        try:
            with self._service.connect_inside() as inside:
                framing.send(inside, {"op": "hello"})
                framing.receive(inside)
        except (OSError, framing.FramingError):
            self._end_sandbox()
            if empty:
                erase("files")  # else the next start would take them for the session's own
            return {"error": "start", "message": self._said()}
        return self._box.describe()

    def serve(self, listener: socket.socket) -> None:
        """Until the sandbox ends, is asked to, or its lease ran out. For the main thread."""
        assert self._service is not None
        ended, notify = socket.socketpair()
        notify.setblocking(False)
        signal.set_wakeup_fd(notify.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        listener.setblocking(False)
        threading.Thread(target=self._stop_on_request, args=(notify,), daemon=True).start()
        while not self._is_over():
            readable, _, _ = select.select([listener, ended], [], [], self._patience())
            if listener in readable:
                self._accept(listener)
            if ended in readable:
                ended.recv(64)
        if os.path.exists(SOCKET):
            os.unlink(SOCKET)
        self._end_sandbox()
        os._exit(0)  # threads may still wait for an answer that never comes; the lock ends here

    def _launch(self) -> None:
        erase("tmp")
        os.mkdir("tmp", 0o700)
        for part in MOUNTED:
            os.chmod(f"files/{part}", 0o755)  # code inside may have closed it even to itself
        mounts = [("files/home", bwrap.HOME), ("files/project", "/project"), ("tmp", "/tmp")]
        with _listen(INSIDE_SOCKET) as inside:
            limits = (str(self._config["memory_bytes"]), str(self._config["disk_bytes"]))
            command = bwrap.python_inside(
                self._config, "programs.inside.init", str(inside.fileno()), *limits
            )
            self._bwrap, self._sandbox = bwrap.launch_known(
                self._config, mounts, command, stderr=self._log, keep=[inside.fileno()]
            )
        self._box.remember(sandbox=self._sandbox)

    def _accept(self, listener: socket.socket) -> None:
        assert self._service is not None
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return
        connection.setblocking(True)
        threading.Thread(target=self._service.serve, args=(connection,), daemon=True).start()

    def _patience(self) -> float:
        return min(max(0.0, self._box.expires_at - time.time()) + 0.01, LOOK_SECONDS)

    def _is_over(self) -> bool:
        assert self._service is not None
        if os.waitpid(self._bwrap, os.WNOHANG)[0]:
            self._bwrap = 0  # reaped: its pid may be another process's by now
            return True
        if self._service.stopping.is_set():
            return True
        if not os.path.exists(SOCKET):
            return True  # somebody deleted the folder: nobody can reach us any more
        return time.time() > self._box.expires_at and not self._service.busy()

    def _stop_on_request(self, notify: socket.socket) -> None:
        assert self._service is not None
        self._service.stopping.wait()
        notify.send(b"s")

    def _end_sandbox(self) -> None:
        """Kill process 1, not bubblewrap, which then ends after the last process inside did."""
        if not self._bwrap:
            return
        if self._sandbox is None or not end(self._sandbox, ENDS_WITHIN_SECONDS):
            os.kill(self._bwrap, signal.SIGKILL)
        os.waitpid(self._bwrap, 0)

    def _said(self) -> str:
        """What bubblewrap, tar or process 1 said before it ended."""
        return os.pread(self._log, 4000, 0).decode("utf-8", "replace")


def _listen(path: str) -> socket.socket:
    if os.path.lexists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.bind(path)
    listener.listen(BACKLOG)
    return listener
