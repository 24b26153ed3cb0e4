"""Owns the trial of limits: exceed each of them and see whether the kernel says no.

Written limits prove nothing: a controller may be missing, swap may take what memory refuses. So the
worker starts this program under small limits and hears which of them held.
"""

from __future__ import annotations

import mmap
import os
import signal

from .cgroup import cpu_is_bounded
from .report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header

GOT_ALL = 0


def trial(config: Header) -> None:
    """`memory_bytes` and `processes` are well above what the limits allow."""
    report(
        {
            "memory": not _may_hold(config["memory_bytes"]),
            "processes": not _may_fork(config["processes"]),
            "cpu": cpu_is_bounded(),
        }
    )


def _may_hold(size: int) -> bool:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            with open("/proc/self/oom_score_adj", "w") as score:
                score.write("1000")
            # Shared, because that is what limits of single processes do not see.
            with mmap.mmap(-1, size) as memory:
                for page in range(0, size, mmap.PAGESIZE):
                    memory[page] = 1
            status = GOT_ALL
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == GOT_ALL


def _may_fork(count: int) -> bool:
    children: list[int] = []
    try:
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                signal.pause()
                os._exit(0)
            children.append(pid)
        return True
    except BlockingIOError:  # EAGAIN
        return False
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
