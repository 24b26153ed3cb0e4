"""Owns the look at how much disk the sandbox takes, and what happens when it is too much.

Best effort, without a quota: each look walks the files in a forked child, so a big tree delays
nobody.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .job import Job

ROOTS = ("/project", "/home/sandbox", "/tmp")
LOOK_SECONDS = 2.0
SHARE_OF_TIME = 20
"""A look at a big tree takes long: the next one waits this many times as long."""
FREE_FLOOR_BYTES = 1 << 30
BYTES_PER_FILE = 4096
"""What a file costs beside its blocks; bounds the number of empty files too."""


class DiskWatch:
    def __init__(self, disk_bytes: int) -> None:
        self._disk_bytes = disk_bytes
        self._next_look = 0.0
        self._began = 0.0
        self._answer: int | None = None

    def look(self, now: float, jobs: Iterable[Job]) -> None:
        """Start a look when one is due, act on the finished one; never waits."""
        if self._answer is not None:
            self._collect(now, jobs)
        elif now >= self._next_look:
            self._began = now
            if _free_bytes() < FREE_FLOOR_BYTES:
                _end_all(jobs, "the machine's disk is almost full")
            self._measure()

    def _measure(self) -> None:
        reader, writer = os.pipe()
        if os.fork() == 0:
            try:
                os.nice(10)
                os.write(writer, str(used_bytes(ROOTS)).encode())
            finally:
                os._exit(0)
        os.close(writer)
        os.set_blocking(reader, False)
        self._answer = reader

    def _collect(self, now: float, jobs: Iterable[Job]) -> None:
        assert self._answer is not None
        try:
            answer = os.read(self._answer, 64)
        except BlockingIOError:
            return
        os.close(self._answer)
        self._answer = None
        self._next_look = now + max(LOOK_SECONDS, SHARE_OF_TIME * (now - self._began))
        if answer and int(answer) > self._disk_bytes:
            _end_all(jobs, f"the sandbox holds more than {self._disk_bytes >> 20} MB of files")


def used_bytes(roots: Iterable[str]) -> int:
    """Blocks in use, not lengths: a sparse file costs what it holds."""
    total = 0
    folders = list(roots)
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    info = entry.stat(follow_symlinks=False)
                    total += info.st_blocks * 512 + BYTES_PER_FILE
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue  # removed while we looked, or closed by its owner
    return total


def _free_bytes() -> int:
    usage = os.statvfs("/project")
    return usage.f_bavail * usage.f_frsize


def _end_all(jobs: Iterable[Job], why: str) -> None:
    for job in jobs:
        if job.ended is None:
            job.note(f"{why}; the command was ended")
            job.terminate("disk")
