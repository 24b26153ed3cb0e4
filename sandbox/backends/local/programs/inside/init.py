"""Owns process 1 of a sandbox: starts commands, keeps their logs, reaps orphans, sets limits.

It cannot be killed or looked into by the code it runs, and nothing inside can connect to it: its
listening socket was made outside and inherited. One loop, no threads, because it forks.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
import time

from .. import framing
from . import files, sockets
from .disk import DiskWatch
from .job import Job
from .joblog import prune_logs, read_closed_log
from .memory import MemoryWatch
from .processes import conceal, kill_marked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from ..framing import Header

    Request = Callable[[Header, socket.socket], None]

WATCH_SECONDS = 0.15
LOGS_KEPT = 200
JOBS_FOLDER = "/home/sandbox/.jobs"


def main() -> None:
    """Argument: as JSON, the descriptors it inherits and what the sandbox may take."""
    given = json.loads(sys.argv[-1])
    _close_all_but(given["listener"], given["memory_events"])
    conceal()
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    prune_logs(JOBS_FOLDER, LOGS_KEPT)
    Init(
        socket.socket(fileno=given["listener"]),
        MemoryWatch(given["memory_bytes"], given["memory_events"]),
        DiskWatch(given["disk_bytes"], given["inodes"]),
    ).run()


def _close_all_but(*kept: int | None) -> None:
    first = 3
    for fd in sorted(fd for fd in kept if fd is not None):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, 1 << 16)


class Init:
    def __init__(self, listener: socket.socket, memory: MemoryWatch, disk: DiskWatch) -> None:
        self._listener = listener
        self._memory = memory
        self._disk = disk
        self._watch_due = 0.0
        self._jobs: dict[str, Job] = {}
        self._has_children = False
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._wakeup, wakeup_writer = socket.socketpair()
        self._wakeup.setblocking(False)
        wakeup_writer.setblocking(False)
        self._wakeup_writer = wakeup_writer  # kept open: signals arrive through it
        signal.set_wakeup_fd(wakeup_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._reap)
        self._inline: dict[str, Request] = {
            "hello": lambda _, connection: _answer(connection, {}),
            "start": self._start,
            "cancel": self._cancel,
            "log": self._log,
            "listen": sockets.listen,
            "dial": sockets.dial,
        }

    def run(self) -> NoReturn:
        while True:
            for key, _ in self._selector.select(self._patience()):
                key.data()
            now = time.monotonic()
            for job in list(self._jobs.values()):
                job.on_time(now)
            if self._has_children and now >= self._watch_due:
                self._watch_due = now + WATCH_SECONDS
                self._memory.look(self._jobs.values())
                self._disk.look(now, self._jobs.values())

    def _patience(self) -> float | None:
        """Seconds until something is due; None, so no work at all, without processes."""
        due = [d for job in self._jobs.values() if (d := job.next_due()) is not None]
        if self._has_children:
            due.append(self._watch_due)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        try:
            header, body_bytes = framing.receive_header(connection)
            inline = self._inline.get(header.get("op", ""))
            if inline is not None:
                inline(header, connection)
                return
            self._has_children = True
            if os.fork() == 0:
                files.serve_in_child(header, body_bytes, connection)
        except (OSError, framing.FramingError, KeyError, TypeError, ValueError) as error:
            _answer(connection, {"error": "retry", "message": f"{type(error).__name__}: {error}"})
        connection.close()

    def _start(self, request: Header, connection: socket.socket) -> None:
        job = Job(request, connection)
        self._has_children = True
        self._jobs[job.slug] = job
        self._selector.register(job.output, selectors.EVENT_READ, lambda: self._pump(job))
        framing.send(connection, {})

    def _pump(self, job: Job) -> None:
        if not job.pump():
            self._selector.unregister(job.output)
            job.output_open = False
            self._forget_if_over(job)

    def _cancel(self, request: Header, connection: socket.socket) -> None:
        job = self._jobs.get(request["slug"])
        if job is not None and job.ended is None:
            job.terminate(request["reason"])
        else:
            kill_marked(request["slug"], signal.SIGKILL)
        _answer(connection, {})

    def _log(self, request: Header, connection: socket.socket) -> None:
        job = self._jobs.get(request["slug"])
        if job is not None:
            data, offset, printed = job.log.read(request["offset"], request["limit"])
        else:
            data, offset, printed = read_closed_log(
                request["log_path"], request["missing"], request["offset"], request["limit"]
            )
        _answer(connection, {"next_offset": offset, "size": printed}, data)

    def _reap(self) -> None:
        self._wakeup.recv(4096)
        by_pid = {job.pid: job for job in self._jobs.values()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._has_children = False
                return
            if pid == 0:
                return
            job = by_pid.get(pid)
            if job is not None:
                self._memory.report_kills(self._jobs.values())
                _answer(job.connection, job.finish(status))
                self._forget_if_over(job)

    def _forget_if_over(self, job: Job) -> None:
        """An ended job is kept while a background child of it may still print."""
        if job.ended is not None and not job.output_open:
            job.close()
            del self._jobs[job.slug]


def _answer(connection: socket.socket, header: Header, body: bytes = b"") -> None:
    """Answer and hang up. The supervisor may have gone: then nobody is left to tell."""
    try:
        framing.send(connection, header, body)
    except OSError:
        pass
    connection.close()
