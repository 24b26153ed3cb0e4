"""Owns the question which control group this process is in, and what that group says."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "/sys/fs/cgroup"


def memory_events() -> str | None:
    """The file that counts processes the kernel killed for memory."""
    return _first("memory.events", "memory", "memory.oom_control")


def cpu_is_bounded() -> bool:
    path = _first("cpu.max", "cpu", "cpu.cfs_quota_us")
    if path is None:
        return False
    with open(path, encoding="ascii") as file:
        return not file.read().startswith(("max", "-1"))


def _first(unified: str, controller: str, legacy: str) -> str | None:
    for names, path in _groups():
        if not names:
            candidate = f"{ROOT}{path}/{unified}"
        elif controller in names:
            candidate = f"{ROOT}/{controller}{path}/{legacy}"
        else:
            continue
        if os.path.exists(candidate):
            return candidate
    return None


def _groups() -> Iterator[tuple[list[str], str]]:
    """(controllers, path); version 2 has no controllers in its line."""
    with open("/proc/self/cgroup", encoding="utf-8") as lines:
        for line in lines:
            _, names, path = line.rstrip("\n").split(":", 2)
            yield names.split(",") if names else [], path.rstrip("/")
