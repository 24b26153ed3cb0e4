"""Owns what this machine gives to sandboxes: programs, limits and disks, found out once per
process. Blocking: call it from a thread.
"""

import json
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox.backends.local import limits
from sandbox.backends.local.channel import SOCKET
from sandbox.backends.local.confinement import Bounds, Unavailable
from sandbox.backends.local.disks import Disks
from sandbox.backends.local.installation import Installation, install
from sandbox.backends.local.launcher import Header, as_child, run
from sandbox.backends.local.machine import Machine, survey
from sandbox.backends.local.network import Network, network_for
from sandbox.backends.local.programs.outside.identity import is_running
from sandbox.errors import Retryable
from sandbox.protocol import Found
from sandbox.settings import Settings

FEWEST_FILES = 50_000
BYTES_PER_FILE = 1 << 14
"""As many files as a file system of that size would hold."""


class Host:
    """Raises Fatal (all methods) when sandboxes cannot run here."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._choosing = threading.Lock()
        self._choice: limits.Choice | None = None

    @cached_property
    def machine(self) -> Machine:
        return survey(self._settings)

    @cached_property
    def installation(self) -> Installation:
        return install(self._settings, self.machine)

    @cached_property
    def disks(self) -> Disks:
        return Disks(self._settings, self.installation)

    @cached_property
    def network(self) -> Network:
        return network_for(self._settings.egress, os.environ)

    @property
    def limits(self) -> limits.Choice:
        with self._choosing:
            if self._choice is None:
                self._choice = limits.choose(self._settings, self.installation)
            return self._choice

    def box(self, name: str) -> Path:
        return self._settings.state_dir / "boxes" / name

    def supervise(self, name: str, **request: Any) -> Header:
        """Start the supervisor of a sandbox. `busy`: somebody else is at it. Raises Retryable."""
        confinement = self.limits.confinement
        disk = self.disks.ready(name)
        disk_bytes = self._settings.disk_mb << 20
        bounds = Bounds.of(self._settings)
        try:
            return run(
                self.installation,
                "supervise",
                lambda place: confinement.begin(place, name, bounds),
                name=name,
                disk="" if disk is None else str(disk),
                own_group=confinement.kind != "watchdog",
                memory_bytes=self._settings.memory_mb << 20,
                disk_bytes=disk_bytes if disk is None else 0,
                file_bytes=disk_bytes,
                inodes=max(FEWEST_FILES, disk_bytes // BYTES_PER_FILE),
                lifetime_seconds=self._settings.lifetime_seconds,
                **self.network.request(),
                **request,
            )
        except Unavailable as error:
            self._choose_anew()
            raise Retryable(f"The limits of the sandbox could not be set: {error}.") from error

    def _choose_anew(self) -> None:
        with self._choosing:
            (self._settings.state_dir / limits.RECORD).unlink(missing_ok=True)
            self._choice = None

    def tidy(self, name: str) -> None:
        """After a sandbox ended. What is used again by now stays."""
        self.limits.confinement.tidy(name)
        self.disks.release(name)

    def discard(self, name: str, keep_snapshots: bool = False) -> None:
        """End what still runs, delete the files. Raises Retryable."""
        request = {"name": name, "keep_snapshots": keep_snapshots}
        run(self.installation, "destroy", as_child, **request)
        self.limits.confinement.tidy(name, is_over=True)
        self.disks.delete(name)

    def forget(self, name: str, snapshot_ids: list[str]) -> None:
        run(self.installation, "forget", as_child, name=name, snapshot_ids=snapshot_ids)

    def running(self) -> list[Found]:
        """By their records and the processes these name, so that a hanging one is found too.

        What the others left is tidied on the way: nobody may have been there when they ended.
        """
        running = []
        for box in sorted(self.installation.boxes.glob("[!.]*")):
            found = _found(box)
            if found is not None:
                running.append(found)
            else:
                self.tidy(box.name)
        return running


def _found(box: Path) -> Found | None:
    try:
        state = json.loads((box / "box.json").read_text())
    except (FileNotFoundError, ValueError):
        return None  # never started, or being deleted
    if not (box / SOCKET).exists() or not is_running(state.get("supervisor")):
        return None  # it takes its socket away first, then ends
    return Found(
        name=box.name,
        session=state.get("session", ""),
        sandbox_id=f"{box.name}.{state['generation']}",
        generation=state["generation"],
        created_at=state["created_at"],
    )
