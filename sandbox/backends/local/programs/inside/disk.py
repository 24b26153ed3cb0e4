"""Owns the look at how much disk the sandbox takes, and what happens when it is too much.

Best effort, for a sandbox without a file system of its own. Counting walks the files in a forked
child, so a big tree delays nobody; in between, what the machine's disk loses tells when to count
again, at the cost of one system call.
"""

from __future__ import annotations

import os

from .processes import kill_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .job import Job

ROOTS = ("/project", "/home/sandbox", "/tmp", "/dev/shm")
LOOK_SECONDS = 2.0
SHARE_OF_TIME = 20
"""A look at a big tree takes long: the next one waits this many times as long."""
ALARMED_SHARE_OF_TIME = 2
"""Likewise, when the machine's disk lost more than this sandbox has left."""
FLOOR_SHARE = 20
FLOOR_BYTES = 2 << 30
"""The machine's disk keeps a twentieth free, but no more than this is asked for."""


class DiskWatch:
    """
    Args:
        disk_bytes: 0: the sandbox has a file system of its own, there is nothing to watch.
        inodes: files, folders and links, empty ones too.
    """

    def __init__(self, disk_bytes: int, inodes: int) -> None:
        self._allowed = (disk_bytes, inodes)
        self._left = (0, 0)
        self._free = (0, 0)
        """Of the machine's disk, when the last count began: bytes and inodes."""
        self._began = 0.0
        self._ended = 0.0
        self._answer: int | None = None

    def look(self, now: float, jobs: Iterable[Job]) -> None:
        """Start a count when one is due, act on the finished one; never waits."""
        if not self._allowed[0]:
            return
        disk = os.statvfs("/project")
        free = (disk.f_bavail * disk.f_frsize, disk.f_favail)
        if free[0] < min(disk.f_blocks * disk.f_frsize // FLOOR_SHARE, FLOOR_BYTES):
            _end_all(jobs, "the machine's disk is almost full")
        if self._answer is not None:
            self._collect(now, jobs)
        elif now >= self._due(free):
            self._began, self._free = now, free
            self._answer = _count_in_child(self._allowed)

    def _due(self, free: tuple[int, int]) -> float:
        alarmed = any(self._free[i] - free[i] > self._left[i] for i in (0, 1))
        share = ALARMED_SHARE_OF_TIME if alarmed else SHARE_OF_TIME
        pause = max(0.0 if alarmed else LOOK_SECONDS, share * (self._ended - self._began))
        return self._ended + pause

    def _collect(self, now: float, jobs: Iterable[Job]) -> None:
        assert self._answer is not None
        try:
            answer = os.read(self._answer, 64)
        except BlockingIOError:
            return
        os.close(self._answer)
        self._answer, self._ended = None, now
        if not answer:
            return  # code inside killed the child; the next count is due soon
        held, count = (int(number) for number in answer.split())
        disk_bytes, inodes = self._allowed
        self._left = (max(0, disk_bytes - held), max(0, inodes - count))
        if held > disk_bytes:
            _end_all(jobs, f"the sandbox holds more than {disk_bytes >> 20} MB of files")
        elif count > inodes:
            _end_all(jobs, f"the sandbox holds more than {inodes} files")


def _count_in_child(allowed: tuple[int, int]) -> int:
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            os.nice(10)
            os.write(writer, b"%d %d" % count_files(ROOTS, *allowed))
        finally:
            os._exit(0)
    os.close(writer)
    os.set_blocking(reader, False)
    return reader


def count_files(
    roots: Iterable[str], most_bytes: float = float("inf"), most_files: float = float("inf")
) -> tuple[int, int]:
    """Bytes of blocks in use (a sparse file costs what it holds) and files, or enough of them."""
    held = count = 0
    folders = list(roots)
    while folders and held <= most_bytes and count <= most_files:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    held += entry.stat(follow_symlinks=False).st_blocks * 512
                    count += 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue  # removed while we looked, or closed by its owner
    return held, count


def _end_all(jobs: Iterable[Job], why: str) -> None:
    """Without a command to blame, what earlier ones left running is ended."""
    running = [job for job in jobs if job.ended is None]
    for job in running:
        job.note(f"{why}; the command was ended")
        job.terminate("disk")
    if not running:
        kill_all()
