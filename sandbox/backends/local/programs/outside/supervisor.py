"""Owns the life of one sandbox: starts it, answers workers, ends it by lease or request.

A process of its own, detached from the worker that started it, so a command survives a worker's
crash and any worker finds the sandbox by its folder. When this process dies, the sandbox dies with
it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import threading
import time

from .. import framing
from . import bwrap, snapshots
from .box import ENDS_WITHIN_SECONDS, MOUNTED, Box, Busy, NoDisk
from .cgroup import memory_events
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
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit status of bubblewrap when it, or process 1, was killed."""
BACKLOG = 128
LOOK_SECONDS = 10.0
"""Longest time between two looks at the lease and at the folder."""
BUSY_LOOK_SECONDS = 1.0
"""Between two looks whether what outlasts the lease has ended."""


def supervise(config: Header) -> None:
    """Detach, start the sandbox, tell the worker how it went, and stay until the end of it."""
    if not config["in_unit"] and os.fork():
        os._exit(0)  # the worker reaps this one; the other half belongs to nobody
    try:
        box = Box.claim(config["boxes"], config["name"], config["disk"])
        box.end_earlier()
        box.hold_disk()
    except (Busy, NoDisk):
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
        self._box.begin(self._config, generation, restored, empty)
        self._service = Service(self._config, self._box, Ledger(generation))
        try:
            self._launch()
            with self._service.connect_inside() as inside:
                framing.send(inside, {"op": "hello"})
                framing.receive(inside)
            if self._config.get("egress"):
                from . import egress

                egress.start(self._config, self._service.connect_inside)
        except (OSError, framing.FramingError) as error:
            status = self._end_sandbox()
            if empty:  # else the next start would take them for the session's own
                erase(self._box.path("files"))
            return {"error": "start", "message": self._said() or _silent_end(error, status)}
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
        files, tmp = self._box.path("files"), self._box.path("tmp")
        erase(tmp)
        os.mkdir(tmp, 0o700)
        for part in MOUNTED:
            os.chmod(f"{files}/{part}", 0o755)  # code inside may have closed it even to itself
        mounts = [(f"{files}/home", bwrap.HOME), (f"{files}/project", "/project"), (tmp, "/tmp")]
        limits = {name: self._config[name] for name in ("memory_bytes", "disk_bytes", "inodes")}
        events = self._open_memory_events()
        with _listen(INSIDE_SOCKET) as inside:
            handed = {"listener": inside.fileno(), "memory_events": events}
            command = bwrap.python_inside(
                self._config, "programs.inside.init", json.dumps({**handed, **limits})
            )
            keep = [fd for fd in handed.values() if fd is not None]
            self._bwrap, self._sandbox = bwrap.launch_known(
                self._config, mounts, command, stderr=self._log, keep=keep
            )
        self._box.remember(sandbox=self._sandbox)

    def _open_memory_events(self) -> int | None:
        """Where process 1 sees that the kernel killed something; only a group of our own tells."""
        path = memory_events() if self._config["own_group"] else None
        return None if path is None else os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def _accept(self, listener: socket.socket) -> None:
        assert self._service is not None
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return
        connection.setblocking(True)
        threading.Thread(target=self._service.serve, args=(connection,), daemon=True).start()

    def _patience(self) -> float:
        now = time.time()
        lease = self._box.expires_at - now
        due = min(lease if lease > 0 else BUSY_LOOK_SECONDS, self._box.hard_limit - now)
        return min(max(0.0, due) + 0.01, LOOK_SECONDS)

    def _is_over(self) -> bool:
        assert self._service is not None
        if os.waitpid(self._bwrap, os.WNOHANG)[0]:
            self._bwrap = 0  # reaped: its pid may be another process's by now
            return True
        if self._service.stopping.is_set():
            return True
        if not os.path.exists(SOCKET):
            return True  # somebody deleted the folder: nobody can reach us any more
        now = time.time()
        if now > self._box.hard_limit:
            return True
        return now > self._box.expires_at and not self._service.busy()

    def _stop_on_request(self, notify: socket.socket) -> None:
        assert self._service is not None
        self._service.stopping.wait()
        notify.send(b"s")

    def _end_sandbox(self) -> int | None:
        """Kill process 1, not bubblewrap, which then ends after the last process inside did.

        Returns the exit status of bubblewrap; None when it was never started.
        """
        if not self._bwrap:
            return None
        if self._sandbox is None or not end(self._sandbox, ENDS_WITHIN_SECONDS):
            os.kill(self._bwrap, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self._bwrap, 0)[1])

    def _said(self) -> str:
        """What bubblewrap, tar or process 1 said before it ended."""
        return os.pread(self._log, 4000, 0).decode("utf-8", "replace")


def _silent_end(error: Exception, status: int | None) -> str:
    """The reason when nobody gave one; empty for a sandbox that was killed from outside."""
    if status is None or not isinstance(error, (ConnectionError, framing.HungUp)):
        return str(error)
    return "" if status in KILLED else f"bubblewrap ended with status {status}"


def _listen(path: str) -> socket.socket:
    if os.path.lexists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.bind(path)
    listener.listen(BACKLOG)
    return listener
