"""Owns the view on the sandbox's processes: find, kill, weigh, hide and limit them.

Process 1 sees exactly the processes of its own sandbox in /proc.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

MARK = "SBX_EXEC"
"""Environment variable that names the job a process belongs to; children inherit it."""
MARK_WITHIN_BYTES = 1 << 18
"""A process may declare any of its memory to be its environment, gigabytes of it."""
PROCESSES_PER_SANDBOX = 256
OPEN_FILES = 4096
NICENESS = 5
KILL_ROUNDS = 5
OOM_SCORE = "800"
_PR_SET_DUMPABLE = 4
_IPC_RMID = 0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_libc = ctypes.CDLL(None, use_errno=True)


def conceal() -> None:
    """Close this process's memory, descriptors and environment to the code it runs."""
    _set_dumpable(0)


def pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and entry != "1"]


def kill_group(pid: int, signal_number: int) -> None:
    try:
        os.killpg(pid, signal_number)
    except (ProcessLookupError, PermissionError):
        pass


def kill(pid: int) -> None:
    """What ended meanwhile is fine."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_all() -> None:
    """For process 1 alone: there it means the sandbox, elsewhere the machine."""
    if os.getpid() == 1:
        kill(-1)


def kill_marked(job: str, signal_number: int) -> int:
    """Signal every process that carries the job's mark, also those that left its process group.

    Best effort: code can drop the mark. What always works is ending the sandbox.
    """
    mark = f"{MARK}={job}".encode()
    killed = 0
    for pid in pids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as environ:
                if mark not in environ.read(MARK_WITHIN_BYTES).split(b"\0"):
                    continue
            os.kill(pid, signal_number)
            killed += 1
        except OSError:
            continue  # ended meanwhile, or a child of ours that is concealed
    return killed


def end_job(group: int, job: str) -> None:
    """Kill until nothing of the job is found; children may be forked between two looks."""
    kill_group(group, signal.SIGKILL)
    for _ in range(KILL_ROUNDS):
        if not kill_marked(job, signal.SIGKILL):
            return


def memory_use() -> tuple[int, int]:
    """Bytes held by processes and by System V segments nobody maps; the largest one's pid."""
    total, largest, largest_pid = _unmapped_segments(), 0, 0
    for pid in pids():
        try:
            with open(f"/proc/{pid}/statm", "rb") as statm:
                held = int(statm.read().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            continue
        total += held
        if held > largest:
            largest, largest_pid = held, pid
    return total, largest_pid


def proportional_memory() -> int:
    """Like `memory_use`, with pages shared by several processes counted once; ten times as slow."""
    total = _unmapped_segments()
    for pid in pids():
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as rollup:
                for line in rollup:
                    if line.startswith(b"Pss:"):
                        total += int(line.split()[1]) << 10
        except OSError:
            continue
    return total


def _unmapped_segments() -> int:
    return sum(held for _, held in _segments())


def remove_unmapped_segments() -> None:
    """What no process maps is freed by killing none."""
    for segment, _ in _segments():
        _libc.shmctl(segment, _IPC_RMID, None)


def _segments() -> list[tuple[int, int]]:
    """(id, bytes held) of System V segments nobody maps."""
    try:
        with open("/proc/sysvipc/shm", "rb") as table:
            rows = [line.split() for line in table.readlines()[1:]]
    except OSError:
        return []
    return [(int(row[1]), int(row[14])) for row in rows if len(row) > 14 and row[6] == b"0"]


def machine_memory() -> tuple[int, int]:
    """Bytes of the whole machine: all, and available."""
    with open("/proc/meminfo", "rb") as lines:
        values = dict(line.split(b":", 1) for line in lines)
    total, available = (int(values[name].split()[0]) for name in (b"MemTotal", b"MemAvailable"))
    return total << 10, available << 10


def limit_self(memory_bytes: int, file_bytes: int) -> None:
    """Limits of one command, applied between fork and exec.

    The process limit counts this sandbox alone because it is set inside its user namespace. Core is
    1, not 0: a piped core handler ignores 0. The caller has closed what code in the sandbox may not
    have, so it may be visible again; a concealed process could not write its own oom score.
    """
    for limit, value in (
        (resource.RLIMIT_NPROC, PROCESSES_PER_SANDBOX),
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 1),
    ):
        _, hard = resource.getrlimit(limit)
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (capped, capped))
    _set_dumpable(1)
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write(OOM_SCORE)
    os.nice(NICENESS)


def _set_dumpable(value: int) -> None:
    if _libc.prctl(_PR_SET_DUMPABLE, value, 0, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"prctl(PR_SET_DUMPABLE, {value}): {os.strerror(number)}")
