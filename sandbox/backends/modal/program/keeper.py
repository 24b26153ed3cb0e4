"""Owns the process that keeps one command: it starts it, writes its log, ends it when it is time,
and records how it ended. It outlives the request that started it."""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import socket
import time

from sandbox.backends.local.programs import framing
from sandbox.backends.local.programs.inside.job import Job

from .jobfolder import STOP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from sandbox.backends.local.programs.framing import Header

    from .jobfolder import JobFolder

NAME = b"job-keeper"
"""What `ps` and `pkill` see, so that `pkill python3` ends no commands."""
STARTS_WITHIN_SECONDS = 20.0


def start(folder: JobFolder, lock: int, request: Header) -> None:
    """Returns once the command runs.

    Raises:
        OSError: it does not, and never did.
        FramingError: it may have run; nobody keeps it.
    """
    ours, theirs = socket.socketpair()
    ours.settimeout(STARTS_WITHIN_SECONDS)
    if os.fork() == 0:
        try:
            _detach({lock, theirs.fileno()})
            Keeper(folder, lock, request, theirs).run()
        finally:
            os._exit(1)
    theirs.close()
    os.close(lock)
    try:
        with ours:
            framing.receive(ours)
    except TimeoutError as error:
        raise framing.FramingError("it did not start in time") from error


def _detach(kept: set[int]) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > 2 and fd not in kept:
            try:
                os.close(fd)
            except OSError:
                pass  # the listing's own
    with open("/proc/self/comm", "wb") as name:
        name.write(NAME)


class Keeper:
    def __init__(
        self, folder: JobFolder, lock: int, request: Header, starter: socket.socket
    ) -> None:
        self._folder = folder
        self._lock = lock
        self._stop = False
        self._missing = 0
        self._wakeup, self._wakeup_writer = socket.socketpair()
        self._wakeup.setblocking(False)
        self._wakeup_writer.setblocking(False)
        signal.set_wakeup_fd(self._wakeup_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(STOP, self._on_stop)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # not SIG_IGN, which the command would inherit
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._job = Job(request, starter)
        framing.send(starter, {})
        starter.close()

    def run(self) -> NoReturn:
        selector = selectors.DefaultSelector()
        selector.register(self._wakeup, selectors.EVENT_READ)
        selector.register(self._job.output, selectors.EVENT_READ)
        while self._job.ended is None or self._job.output_open:
            ready = {key.fd for key, _ in selector.select(self._patience())}
            if self._wakeup.fileno() in ready:
                self._on_signals()
            if self._job.output in ready and not self._pump():
                selector.unregister(self._job.output)
                self._job.output_open = False
            self._job.on_time(time.monotonic())
        os._exit(0)

    def _patience(self) -> float | None:
        due = self._job.next_due()
        return None if due is None else max(0.0, due - time.monotonic())

    def _on_stop(self, *_: object) -> None:
        self._stop = True

    def _on_signals(self) -> None:
        self._wakeup.recv(4096)
        if self._stop:
            self._job.terminate("cancel")
        if self._job.ended is None:
            pid, status = os.waitpid(self._job.pid, os.WNOHANG)
            if pid:
                self._finish(status)

    def _pump(self) -> bool:
        with self._folder.writing_log() as cut:
            is_open = self._job.pump()
            self._tell_missing(cut)
        return is_open

    def _finish(self, status: int) -> None:
        with self._folder.writing_log() as cut:
            end = self._job.finish(status)
            self._tell_missing(cut)
        self._folder.end(end)
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    def _tell_missing(self, cut: int) -> None:
        if self._job.log.missing != self._missing:
            self._missing = self._job.log.missing
            os.pwrite(cut, b"%020d" % self._missing, 0)
