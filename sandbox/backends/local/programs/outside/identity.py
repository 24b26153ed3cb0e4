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


def is_running(identity: Identity | None) -> bool:
    """Whether that very process still runs; one that only waits to be reaped does not."""
    if identity is None:
        return False
    try:
        with open(f"/proc/{identity['pid']}/stat", "rb") as stat:
            state = stat.read().rpartition(b")")[2].split()[0]
        return state not in (b"Z", b"X") and identity_of(identity["pid"]) == identity
    except (FileNotFoundError, ProcessLookupError):
        return False


def working_here(name: str) -> list[Identity]:
    """Processes of this user and program whose current directory is ours.

    A bubblewrap that is killed in its first moments, before it is known to anybody, leaves a child
    behind that waits for it for ever.
    """
    here, found = os.stat("."), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as comm:
                if comm.read().rstrip("\n") != name:
                    continue
            if os.path.samestat(os.stat(f"/proc/{pid}/cwd"), here):
                found.append(identity_of(int(pid)))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # ended meanwhile, or another user's
    return found


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
