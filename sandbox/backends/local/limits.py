"""Owns the choice how limits are enforced: the strongest way that holds in a trial, once per boot.

A way is tried by exceeding small limits (see `programs/outside/trial.py`), never judged by what is
installed. The outcome is kept in the state folder.
"""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.backends.local.cgroups import Cgroups, legacy, unified
from sandbox.backends.local.confinement import PROCESSES, Bounds, Confinement, Kind, Unavailable
from sandbox.backends.local.installation import Installation
from sandbox.backends.local.launcher import Begun, as_child, run
from sandbox.backends.local.units import Units
from sandbox.errors import Fatal, SandboxError
from sandbox.settings import Settings

RECORD = "limits.json"
LOCK = "limits.lock"
TRIAL = Bounds(memory_bytes=64 << 20, processes=24, cpus=1.0)
TRIAL_EXCESS = 4
WAYS: dict[str, tuple[Kind, ...]] = {
    "auto": ("systemd", "cgroup"),
    "systemd": ("systemd",),
    "cgroup": ("cgroup", "cgroup v1"),
    "watchdog": (),
}
FIXES = {
    "systemd": "run the worker in a session of a systemd user manager (`loginctl enable-linger` "
    "keeps it), or as root on a machine that was booted with systemd",
    "cgroup": "delegate a control group to the worker (systemd: Delegate=yes; Docker: "
    "--cgroupns=private and a writable /sys/fs/cgroup)",
}


class Watchdog:
    """No hard limits: process 1 of the sandbox looks often and kills what takes too much."""

    kind: Kind = "watchdog"

    def begin(
        self, installation: Installation, name: str, bounds: Bounds
    ) -> AbstractContextManager[Begun]:
        return as_child(installation)

    def tidy(self, name: str, is_over: bool = False) -> None:
        """Nothing is left beside processes, which end by themselves."""


@dataclass(frozen=True)
class Choice:
    confinement: Confinement
    cpu: bool
    """Cores are bounded too."""
    refused: dict[str, str]
    """Ways tried in vain, with the cause."""


def choose(
    settings: Settings,
    installation: Installation,
    make: Callable[[Kind, str], Confinement] | None = None,
) -> Choice:
    """
    Args:
        make: builds a way of limiting for a prefix of names; tests have their own.

    Raises:
        Fatal: the way the settings force does not work here.
    """
    with _one_at_a_time(settings.state_dir):
        return _choose(settings, installation, make or _make)


@contextmanager
def _one_at_a_time(state_dir: Path) -> Iterator[None]:
    """Trials beside each other would meet each other's limits; who waited finds the record."""
    fd = os.open(state_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _choose(
    settings: Settings, installation: Installation, make: Callable[[Kind, str], Confinement]
) -> Choice:
    prefix = _prefix(settings.state_dir)
    record = settings.state_dir / RECORD
    key = _key(settings, installation)
    known = _load(record)
    if known.get("key") == key:
        try:
            return Choice(make(known["kind"], prefix), known["cpu"], known["refused"])
        except Unavailable:
            pass  # something changed since: find out anew
    choice = _try(settings, installation, lambda kind: make(kind, prefix))
    _store(
        record,
        {
            "key": key,
            "kind": choice.confinement.kind,
            "cpu": choice.cpu,
            "refused": choice.refused,
        },
    )
    return choice


def _try(
    settings: Settings, installation: Installation, make: Callable[[Kind], Confinement]
) -> Choice:
    refused: dict[str, str] = {}
    for kind in WAYS[settings.limits]:
        try:
            confinement = make(kind)
            held = _exceed(confinement, installation)
        except (Unavailable, SandboxError) as error:
            refused[kind] = str(error).rstrip(".")
            continue
        failed = [what for what in ("memory", "processes") if not held[what]]
        if not failed:
            return Choice(confinement, bool(held["cpu"]), refused)
        refused[kind] = f"limits of {' and '.join(failed)} were set, and exceeded all the same"
    if settings.limits in FIXES:
        raise Fatal(
            f"SANDBOX_LIMITS={settings.limits} does not work here: {'; '.join(refused.values())}. "
            f"Set it to auto, or {FIXES[settings.limits]}."
        )
    return Choice(Watchdog(), False, refused)


def _exceed(confinement: Confinement, installation: Installation) -> dict[str, Any]:
    name = f"trial-{os.getpid()}"
    try:
        return run(
            installation,
            "trial",
            lambda place: confinement.begin(place, name, TRIAL),
            memory_bytes=TRIAL.memory_bytes * TRIAL_EXCESS,
            processes=TRIAL.processes * TRIAL_EXCESS,
        )
    finally:
        confinement.tidy(name, is_over=True)


def _make(kind: Kind, prefix: str) -> Confinement:
    """Raises Unavailable."""
    match kind:
        case "systemd":
            return Units(prefix)
        case "cgroup":
            return Cgroups(unified(), prefix)
        case "cgroup v1":
            return Cgroups(legacy(), prefix)
        case "watchdog":
            return Watchdog()


def _prefix(state_dir: Path) -> str:
    """Sessions of two deployments may have equal names."""
    digest = hashlib.sha256(os.fsencode(state_dir.resolve())).hexdigest()
    return f"threadwright-{digest[:8]}-"


def _key(settings: Settings, installation: Installation) -> str:
    """What the outcome depends on: the boot, who asks from where, and for what."""
    parts = [
        Path("/proc/sys/kernel/random/boot_id").read_text(),
        Path("/proc/self/cgroup").read_text(),
        *(str(os.geteuid()), str(installation.run_as), installation.programs.name),
        settings.limits,
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _load(record: Path) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = json.loads(record.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return loaded


def _store(record: Path, value: dict[str, Any]) -> None:
    fd, partial = tempfile.mkstemp(dir=record.parent, prefix=".limits-")
    with os.fdopen(fd, "w") as file:
        json.dump(value, file)
    Path(partial).replace(record)


def guarantees(choice: Choice, settings: Settings) -> str:
    """What is in force, for people."""
    memory = f"{settings.memory_mb} MB of memory"
    cores = f"{settings.cpus:g} cores" if choice.cpu else "cores not bounded"
    match choice.confinement.kind:
        case "watchdog":
            return f"best effort: {memory}, by a look every 150 ms; cores not bounded"
        case kind:
            return f"kept by the kernel ({kind}): {memory}, {PROCESSES} processes, {cores}"
