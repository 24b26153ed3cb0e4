"""Owns naming a process for good, and ending exactly that one: pids are used again."""

from __future__ import annotations

import os
import select
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Identity = dict[str, Any]


def identity_of(pid: int) -> Identity:
    """Raises FileNotFoundError or ProcessLookupError when there is no such process."""
    with open(f"/proc/{pid}/stat", "rb") as stat:
        started = int(stat.read().rpartition(b")")[2].split()[19])
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
        return {"pid": pid, "started": started, "boot": boot.read().strip()}


def end(identity: Identity | None, seconds: float) -> bool:
    """Kill the process if it is still that very one. True once it is gone with all it holds."""
    if not identity:
        return True
    try:
        handle = os.pidfd_open(identity["pid"])
    except ProcessLookupError:
        return True
    try:
        if identity_of(identity["pid"]) != identity:
            return True
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        ended, _, _ = select.select([handle], [], [], seconds)
        return bool(ended)
    except (FileNotFoundError, ProcessLookupError):
        return True
    finally:
        os.close(handle)
