"""Owns hard limits by control groups: one group per sandbox, below the one this worker is in.

Version 2 needs a subtree that was delegated to us. Version 1 has a tree per controller and needs
root; it is used only when asked for.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from sandbox.backends.local.confinement import Bounds, Unavailable
from sandbox.backends.local.installation import Installation
from sandbox.backends.local.launcher import Begun, as_child

PROC_SELF = Path("/proc/self")
WORKERS = "threadwright-workers"
"""Where we move to: in version 2 a group has either processes or limited groups."""
NEEDED = ("memory", "pids")
CONTROLLERS = (*NEEDED, "cpu")
PERIOD_MICROSECONDS = 100_000
GONE_WITHIN_SECONDS, KILLED_WITHIN_SECONDS = 0.5, 5.0
TRIES = 3
ABSENT_WITHOUT_SWAP_ACCOUNTING = ("memory.swap.max", "memory.memsw.limit_in_bytes")
"""Then the trial tells whether swap takes what memory refuses."""


@dataclass(frozen=True)
class Tree:
    """Where groups can be made, by controller; in version 2 it is the same folder for all."""

    kind: Literal["cgroup", "cgroup v1"]
    parents: dict[str, Path]


def unified(proc: Path = PROC_SELF) -> Tree:
    """Version 2, ready for limited groups. Raises Unavailable."""
    here = _own_folders(proc).get("")
    if here is None:
        raise Unavailable("this machine has no control groups of version 2")
    if here.name == WORKERS:
        here = here.parent
    try:
        offered = (here / "cgroup.controllers").read_text().split()
        missing = [name for name in NEEDED if name not in offered]
        if missing:
            raise Unavailable(f"version 2 has no controllers for {' and '.join(missing)} here")
        wanted = [name for name in CONTROLLERS if name in offered]
        _hand_down(here, wanted)
    except OSError as error:
        raise Unavailable(f"our control group is not ours to divide ({error})") from error
    return Tree("cgroup", dict.fromkeys(wanted, here))


def legacy(proc: Path = PROC_SELF) -> Tree:
    """Version 1. Raises Unavailable."""
    folders = _own_folders(proc)
    here = {name: folders[name] for name in CONTROLLERS if name in folders}
    parents = {name: folder for name, folder in here.items() if os.access(folder, os.W_OK)}
    if not all(name in parents for name in NEEDED):
        raise Unavailable("no control group of version 1 is writable for us")
    return Tree("cgroup v1", parents)


class Cgroups:
    """
    Args:
        prefix: of our groups' names; another state folder on the machine has another one.
    """

    def __init__(self, tree: Tree, prefix: str) -> None:
        self._tree = tree
        self._prefix = prefix
        self.kind = tree.kind

    @contextmanager
    def begin(self, installation: Installation, name: str, bounds: Bounds) -> Iterator[Begun]:
        admit = partial(self._admit, name, bounds)
        with as_child(installation, admit) as begun:
            yield begun

    def tidy(self, name: str, is_over: bool = False) -> None:
        """The kernel refuses to remove a group that holds processes."""
        if is_over:
            for folder in self._folders(name).values():
                kill = folder / "cgroup.kill"
                if kill.exists():
                    kill.write_text("1")
        deadline = time.monotonic() + (KILLED_WITHIN_SECONDS if is_over else GONE_WITHIN_SECONDS)
        while not self._remove(name) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _folders(self, name: str) -> dict[str, Path]:
        return {c: parent / f"{self._prefix}{name}" for c, parent in self._tree.parents.items()}

    def _admit(self, name: str, bounds: Bounds, pid: int) -> None:
        """Another worker may tidy the still empty group away: then it is made again."""
        for attempt in range(TRIES):
            try:
                self._make(name, bounds)
                for folder in set(self._folders(name).values()):
                    (folder / "cgroup.procs").write_text(str(pid))
            except FileNotFoundError:
                if attempt == TRIES - 1:
                    raise
            except OSError as error:
                raise Unavailable(f"no control group could be made ({error})") from error
            else:
                return

    def _make(self, name: str, bounds: Bounds) -> None:
        self._remove(name)
        writes = _limits(bounds, self._tree.kind)
        for controller, folder in self._folders(name).items():
            folder.mkdir(exist_ok=True)
            for file, value in writes[controller].items():
                _write(folder / file, value)

    def _remove(self, name: str) -> bool:
        gone = True
        for folder in set(self._folders(name).values()):
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:  # busy
                gone = False
        return gone


def _limits(bounds: Bounds, kind: str) -> dict[str, dict[str, str]]:
    """Out of memory, the kernel kills the process that takes most, never the whole sandbox."""
    memory, processes = str(bounds.memory_bytes), str(bounds.processes)
    quota = str(round(bounds.cpus * PERIOD_MICROSECONDS))
    if kind == "cgroup":
        return {
            "memory": {"memory.max": memory, "memory.swap.max": "0", "memory.oom.group": "0"},
            "pids": {"pids.max": processes},
            "cpu": {"cpu.max": f"{quota} {PERIOD_MICROSECONDS}"},
        }
    return {
        "memory": {"memory.limit_in_bytes": memory, "memory.memsw.limit_in_bytes": memory},
        "pids": {"pids.max": processes},
        "cpu": {"cpu.cfs_period_us": str(PERIOD_MICROSECONDS), "cpu.cfs_quota_us": quota},
    }


def _write(file: Path, value: str) -> None:
    try:
        file.write_text(value)
    except PermissionError:
        if file.name not in ABSENT_WITHOUT_SWAP_ACCOUNTING:
            raise


def _hand_down(here: Path, controllers: list[str]) -> None:
    """Raises OSError."""
    control = here / "cgroup.subtree_control"
    if set(controllers) <= set(control.read_text().split()):
        return
    wanted = " ".join(f"+{name}" for name in controllers)
    try:
        control.write_text(wanted)
    except OSError:  # busy with the processes in it, us among them
        workers = here / WORKERS
        workers.mkdir(exist_ok=True)
        for pid in (here / "cgroup.procs").read_text().split():
            with suppress(ProcessLookupError):
                (workers / "cgroup.procs").write_text(pid)
        control.write_text(wanted)


def _own_folders(proc: Path) -> dict[str, Path]:
    """Controller to the folder of the group we are in; version 2 has the empty name."""
    paths: dict[str, str] = {}
    for line in (proc / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    folders = {}
    for line in (proc / "mountinfo").read_text().splitlines():
        place, _, what = line.partition(" - ")
        root, mounted = place.split()[3:5]
        kind, _, options = what.split(" ", 2)
        names = {"cgroup2": [""], "cgroup": options.split(",")}.get(kind, [])
        for name in names:
            if name in paths and Path(paths[name]).is_relative_to(root):
                folders[name] = Path(mounted) / Path(paths[name]).relative_to(root)
    return folders
