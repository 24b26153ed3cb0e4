"""Owns what is remembered of one command: its record, who keeps it, how much of its log is cut out.

    record   generation, fence, start, and end once it ended; on disk before the command runs
    keeper   pid of its keeper, which holds a lock on this file until the end is recorded
    cut      bytes missing in the middle of the log; locked while that changes

A lock ends with its process, however that ends: a record without an end whose `keeper` is not
locked is a lost job, never one to run again.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from contextlib import contextmanager

from sandbox.backends.local.programs.inside.joblog import read_closed_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.backends.local.programs.framing import Header

STOP = signal.SIGUSR1
"""Asks a keeper to end its command. Not one that `pkill` sends by itself."""


class JobFolder:
    def __init__(self, jobs: str, slug: str) -> None:
        self.slug = slug
        self._path = os.path.join(jobs, slug)

    def record(self) -> Header | None:
        try:
            with open(self._file("record"), encoding="utf-8") as file:
                record: Header = json.load(file)
        except FileNotFoundError:
            return None
        return record

    def begin(self, generation: int, fence: int, *, keep: bool = False) -> int:
        """Returns the descriptor whose lock says that a keeper lives; it is inherited by it."""
        os.makedirs(self._path, mode=0o700, exist_ok=True)
        lock = os.open(self._file("keeper"), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
        self._store(
            {
                "generation": generation,
                "fence": fence,
                "keep": keep,
                "started_at": time.time(),
                "end": None,
            }
        )
        return lock

    def end(self, end: Header) -> None:
        self._store({**(self.record() or {}), "end": end})

    def refuse(self, generation: int, fence: int) -> None:
        """Cancelled before it was started: a start still on its way must not run it."""
        os.close(self.begin(generation, fence))
        self.end({"exit_code": 130, "cancelled": True, "seconds": 0.0})

    def forget(self) -> None:
        """The command could not be started at all: a later start may try again."""
        os.unlink(self._file("record"))

    # --- its keeper ---------------------------------------------------------------------------

    def wait(self, seconds: float) -> bool:
        """Until nobody keeps the command any more, or the time is over. True: nobody does."""
        try:
            lock = os.open(self._file("keeper"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            with _alarm(seconds):
                fcntl.flock(lock, fcntl.LOCK_SH | (0 if seconds > 0 else fcntl.LOCK_NB))
        except (BlockingIOError, TimeoutError):
            return False
        finally:
            os.close(lock)
        return True

    def stop_keeper(self) -> None:
        if self.wait(0):
            return
        with open(self._file("keeper"), encoding="utf-8") as file:
            pid = int(file.read() or 0)
        try:
            if pid:
                os.kill(pid, STOP)
        except ProcessLookupError:
            pass  # it ended between the two looks

    # --- its log ------------------------------------------------------------------------------

    @contextmanager
    def writing_log(self) -> Iterator[int]:
        """Held by the keeper while it appends; yields where to tell how much is missing."""
        cut = os.open(self._file("cut"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(cut, fcntl.LOCK_EX)
            yield cut
        finally:
            os.close(cut)

    def read_log(self, path: str, offset: int, limit: int) -> tuple[bytes, int, int]:
        try:
            cut = os.open(self._file("cut"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return read_closed_log(path, 0, offset, limit)
        try:
            fcntl.flock(cut, fcntl.LOCK_SH)
            return read_closed_log(path, int(os.pread(cut, 20, 0) or 0), offset, limit)
        finally:
            os.close(cut)

    def _file(self, name: str) -> str:
        return os.path.join(self._path, name)

    def _store(self, record: Header) -> None:
        store(self._file("record"), json.dumps(record))


def store(path: str, text: str) -> None:
    """Replace atomically, so that a crash leaves the old or the new value."""
    partial = f"{path}.{os.getpid()}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(partial, path)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside after that long; the only way to bound the wait for a lock."""

    def over(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.0))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
