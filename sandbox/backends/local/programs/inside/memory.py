"""Owns the look at how much memory the sandbox takes, and what happens when it is too much.

Where a control group bounds the memory, the kernel is faster and this only says what it did.
Elsewhere this is the bound, best effort: between two looks only RLIMIT_DATA bounds a process.
"""

from __future__ import annotations

import os

from .processes import (
    kill,
    machine_memory,
    memory_use,
    proportional_memory,
    remove_unmapped_segments,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .job import Job

FLOOR_SHARE = 10
FLOOR_BYTES = 1 << 30
"""The machine keeps a tenth of its memory available, but no more than this is asked for."""
FAIR_SHARE = 4
"""When the machine runs short, a sandbox above this part of its own bound gives way."""


class MemoryWatch:
    """
    Args:
        events: open file in which the kernel counts what it killed in our control group.
        machine: all and available bytes of the machine.
    """

    def __init__(
        self,
        memory_bytes: int,
        events: int | None,
        machine: Callable[[], tuple[int, int]] = machine_memory,
    ) -> None:
        self._machine = machine
        self._memory_bytes = memory_bytes
        self._events = events
        self._killed = self._kills()

    def look(self, jobs: Iterable[Job]) -> None:
        self.report_kills(jobs)
        used, largest = memory_use()
        total, available = self._machine()
        if self._is_over(used):
            remove_unmapped_segments()
            if not self._is_over(used):
                return
            self._tell(jobs, "largest process killed")
        elif available < min(total // FLOOR_SHARE, FLOOR_BYTES) and (
            used > self._memory_bytes // FAIR_SHARE
        ):
            _note(jobs, "the machine runs out of memory, largest process killed")
        else:
            return
        if largest:
            kill(largest)

    def report_kills(self, jobs: Iterable[Job]) -> None:
        """Say it where the kernel killed for memory since the last time this was asked."""
        before, self._killed = self._killed, self._kills()
        if self._killed > before:
            self._tell(jobs, "the kernel killed a process")

    def _is_over(self, used: int) -> bool:
        return used > self._memory_bytes and proportional_memory() > self._memory_bytes

    def _kills(self) -> int:
        if self._events is None:
            return 0
        for line in os.pread(self._events, 4096, 0).splitlines():
            name, _, count = line.partition(b" ")
            if name == b"oom_kill":
                return int(count)
        return 0

    def _tell(self, jobs: Iterable[Job], what: str) -> None:
        _note(jobs, f"over {self._memory_bytes >> 20} MB of memory, {what}")


def _note(jobs: Iterable[Job], sentence: str) -> None:
    for job in jobs:
        if job.ended is None:
            job.note(sentence)
