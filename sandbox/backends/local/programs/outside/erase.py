"""Owns deleting what code in a sandbox left behind: deep trees, closed folders, odd names."""

from __future__ import annotations

import os


def erase(path: str) -> None:
    """Raises OSError when something is left."""
    if not os.path.lexists(path):
        return
    _run("chmod", "-R", "u+rwX", "--", path)
    _run("rm", "-rf", "--", path)
    if os.path.lexists(path):
        raise OSError(f"{path} could not be deleted")


def _run(*line: str) -> None:
    """By the tools of the system: they walk trees deeper than a path can name."""
    null = os.open(os.devnull, os.O_RDWR)
    redirected = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    environment = {"PATH": "/usr/bin:/bin"}
    try:
        pid = os.posix_spawnp(line[0], line, environment, file_actions=redirected)
        os.waitpid(pid, 0)
    finally:
        os.close(null)
