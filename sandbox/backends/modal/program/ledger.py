"""Owns what a sandbox remembers of those who write to it: the fence, and one folder per command.

Writers pass one gate, so that after a fence was raised no write of older work is still under way.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager

from .jobfolder import JobFolder, store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Fenced(Exception):
    """A write of work that was stopped."""


class Ledger:
    def __init__(self, folder: str) -> None:
        self._fence = os.path.join(folder, "fence")
        self._gate = os.path.join(folder, "gate")
        self.jobs_folder = os.path.join(folder, "jobs")

    def job(self, slug: str) -> JobFolder:
        return JobFolder(self.jobs_folder, slug)

    @contextmanager
    def gate(self) -> Iterator[None]:
        lock = os.open(self._gate, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # a keeper forked meanwhile may still hold it open
            os.close(lock)

    def fence(self) -> int:
        try:
            with open(self._fence, encoding="utf-8") as file:
                return int(file.read())
        except FileNotFoundError:
            return 0

    def check_fence(self, fence: int) -> None:
        if fence < self.fence():
            raise Fenced("Newer work owns the sandbox; this write was dropped.")

    def raise_fence(self, fence: int) -> None:
        self.check_fence(fence)
        store(self._fence, str(fence))

    def running_below(self, fence: int) -> list[JobFolder]:
        return [job for job in self.jobs() if _runs_below(job, fence)]

    def jobs(self) -> list[JobFolder]:
        try:
            return [self.job(slug) for slug in os.listdir(self.jobs_folder)]
        except FileNotFoundError:
            return []


def _runs_below(job: JobFolder, fence: int) -> bool:
    record = job.record()
    if record is None or record["end"] is not None or record.get("keep"):
        return False
    return bool(record["fence"] < fence)
