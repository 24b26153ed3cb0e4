"""Owns the log of one job: a plain file of bounded size that keeps the beginning and the end.

Offsets count the bytes the job printed. Once more than fits was printed, the middle is cut out of
the file and one line says how much is missing, so `cat` and `tail -f` keep working inside the
sandbox.
"""

from __future__ import annotations

import os
import stat
import time

HEAD_BYTES = 4 << 20
TAIL_BYTES = 1 << 20
NAMELESS = ("/tmp", "/dev/shm")
"""Where a log lives that can have no name, as long as its job runs; the second one is no disk."""
MARK = b"\n[... %12d bytes left out here ...]\n"
MARK_BYTES = len(MARK % 0)


class JobLog:
    """The writing side, held by process 1 while anything may still print."""

    def __init__(
        self, path: str, head_bytes: int = HEAD_BYTES, tail_bytes: int = TAIL_BYTES
    ) -> None:
        self.fd = _create(path)
        self.missing = 0
        """Bytes cut out of the middle."""
        self._head = head_bytes
        self._tail = tail_bytes
        self._size = 0

    def append(self, data: bytes) -> None:
        """A full disk loses output but never stops the job's reader."""
        try:
            self._size += os.pwrite(self.fd, data, self._size)
        except OSError:
            return
        if self._size > self._head + MARK_BYTES + 2 * self._tail:
            self._cut()

    def read(self, offset: int, limit: int) -> tuple[bytes, int, int]:
        return read_log(self.fd, self.missing, offset, limit, self._head)

    def close(self) -> None:
        os.close(self.fd)

    def _cut(self) -> None:
        tail = os.pread(self.fd, self._tail, self._size - self._tail)
        before = self._head + (MARK_BYTES if self.missing else 0)
        self.missing += self._size - before - len(tail)
        os.pwrite(self.fd, MARK % self.missing + tail, self._head)
        self._size = self._head + MARK_BYTES + len(tail)
        os.ftruncate(self.fd, self._size)


def _create(path: str) -> int:
    """Code inside may spoil the folder of all logs; commands must go on running."""
    try:
        return _open_new(path)
    except OSError:
        folder = os.path.dirname(os.path.dirname(path))
        try:
            os.rename(folder, f"{folder}.{time.time_ns()}")
            return _open_new(path)
        except OSError:
            return _open_nameless()


def _open_nameless() -> int:
    """On a full disk commands must still run: one of them may make room."""
    disk, memory = NAMELESS
    flags = os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC
    try:
        return os.open(disk, flags, 0o600)
    except OSError:
        return os.open(memory, flags, 0o600)


def _open_new(path: str) -> int:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return os.open(path, flags, 0o600)


def read_log(
    fd: int, missing: int, offset: int, limit: int, head_bytes: int = HEAD_BYTES
) -> tuple[bytes, int, int]:
    """Bytes from `offset`, the offset to go on with, and how much was printed in all.

    A read that runs into the gap stops there; the next one starts with the line about it.
    """
    shift = missing - MARK_BYTES if missing else 0
    printed = os.fstat(fd).st_size + shift
    if missing and offset < head_bytes:
        limit = min(limit, head_bytes - offset)
    elif missing:
        offset = max(offset, head_bytes + missing)
    in_gap = bool(missing) and offset == head_bytes + missing
    place = offset - shift if missing and offset >= head_bytes else offset
    data = os.pread(fd, limit, place)
    return (MARK % missing if in_gap else b"") + data, offset + len(data), printed


def read_closed_log(path: str, missing: int, offset: int, limit: int) -> tuple[bytes, int, int]:
    """The log of a job of an earlier start. Code inside may have put anything at its path."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b"", offset, 0
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b"", offset, 0
        return read_log(fd, missing, offset, limit)
    finally:
        os.close(fd)


def prune_logs(folder: str, keep: int) -> None:
    """Delete the oldest logs, so that a long life does not fill the disk with them."""
    try:
        with os.scandir(folder) as entries:
            found = [(e.stat(follow_symlinks=False).st_mtime, e.path) for e in entries]
    except OSError:
        return
    for _, path in sorted(found, reverse=True)[keep:]:
        try:
            for name in ("log", "command"):
                if os.path.lexists(os.path.join(path, name)):
                    os.unlink(os.path.join(path, name))
            os.rmdir(path)
        except OSError:
            continue  # code in the sandbox put something else there: its own affair
