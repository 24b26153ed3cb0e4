"""Owns the folder of one sandbox on this machine: lock, files, what outlives its processes.

Layout, below the folder all sandboxes share:

    <name>/lock          held by the one supervisor
    <name>/box.json      generation, fence, lease, and which process holds the lock
    <name>/jobs/         one record per command ever started (see ledger.py)
    <name>/egress.log    which hosts its code reached, and which it was refused
    <name>/sock          where workers connect while it runs
    <disk>/files/        project/ and home/; missing means: restore, or start empty
    <disk>/tmp/          /tmp of the running sandbox, emptied at each start

<disk> is <name> itself, or the file system of its own that the worker mounted for it.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time

from .identity import end, identity_of, working_here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header

ENDS_WITHIN_SECONDS = 5.0
MOUNTED = ("project", "home")


class Busy(Exception):
    """Another supervisor holds this sandbox, or it is being deleted right now."""


class NoDisk(Exception):
    """The file system of this sandbox is not mounted (any more)."""


class Box:
    """The current directory is the box, so socket paths stay short."""

    def __init__(self, lock: int, disk: str) -> None:
        self._lock = lock
        self._disk = disk
        self._state: Header = _load("box.json")
        self._writing = threading.Lock()

    @classmethod
    def claim(cls, boxes: str, name: str, disk: str = "") -> Box:
        """Raises Busy. The lock is held until this process ends.

        Args:
            disk: where its own file system is mounted; empty: it has none.
        """
        folder = os.path.join(boxes, name)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.chdir(folder)
        lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.stat(folder), os.stat(".")):
                raise Busy(name)  # deleted and made anew between the two lines above
        except (BlockingIOError, FileNotFoundError, Busy):
            os.close(lock)
            raise Busy(name) from None
        return cls(lock, disk)

    @property
    def generation(self) -> int:
        return int(self._state.get("generation", 0))

    @property
    def fence(self) -> int:
        return int(self._state.get("fence", 0))

    @property
    def expires_at(self) -> float:
        return float(self._state.get("expires_at", 0.0))

    @property
    def hard_limit(self) -> float:
        return float(self._state.get("hard_limit") or "inf")

    def end_earlier(self) -> None:
        """Kill what an earlier, killed supervisor left: its sandbox may take a moment to die."""
        if os.listdir(".") == ["lock"]:
            return  # nothing was ever started here
        for left in (self._state.get("sandbox"), *working_here("bwrap")):
            if not end(left, ENDS_WITHIN_SECONDS):
                raise Busy("sandbox")

    def hold_disk(self) -> None:
        """Keep its file system from being unmounted while this process lives. Raises NoDisk."""
        if self._disk:
            os.open(self._disk, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            if not os.path.ismount(self._disk):
                raise NoDisk(self._disk)

    def path(self, part: str) -> str:
        return os.path.join(self._disk, part)

    def has_files(self) -> bool:
        return os.path.isdir(self.path("files"))

    def make_files(self, folder: str = "files") -> None:
        for part in MOUNTED:
            os.makedirs(os.path.join(self.path(folder), part), mode=0o755, exist_ok=True)

    def begin(self, config: Header, generation: int, restored: str | None, empty: bool) -> None:
        """A new start of this sandbox: everything said here is true for its whole life."""
        now = time.time()
        lifetime = config["lifetime_seconds"]
        self.remember(
            session=config["session"],
            generation=generation,
            created_at=now,
            expires_at=now + min(config["lease_seconds"], lifetime or float("inf")),
            hard_limit=now + lifetime if lifetime else None,
            restored_from=restored,
            empty=empty,
            supervisor=identity_of(os.getpid()),
            sandbox=None,
        )

    def remember(self, **changes: object) -> None:
        with self._writing:
            self._state.update(changes)
            store("box.json", self._state)

    def extend(self, seconds: float) -> None:
        """Never past the hard limit, never back."""
        wanted = min(time.time() + seconds, self.hard_limit)
        if wanted > self.expires_at:
            self.remember(expires_at=wanted)

    def describe(self) -> Header:
        told = ("generation", "fence", "created_at", "expires_at", "hard_limit")
        return {key: self._state.get(key) for key in (*told, "restored_from", "empty")}


def store(path: str, value: Header) -> None:
    """Replace atomically, so a crash leaves the old or the new value."""
    partial = f"{path}.{os.getpid()}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(partial, path)


def _load(path: str) -> Header:
    try:
        with open(path, encoding="utf-8") as file:
            loaded: Header = json.load(file)
    except FileNotFoundError:
        return {}
    return loaded
