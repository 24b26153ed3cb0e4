"""Owns the folder of one sandbox on this machine: lock, files, what outlives its processes.

Layout, below the folder all sandboxes share:

    <name>/lock          held by the one supervisor
    <name>/box.json      generation, fence, lease, and which process holds the lock
    <name>/jobs/         one record per command ever started (see ledger.py)
    <name>/files/        project/ and home/; missing means: restore, or start empty
    <name>/tmp/          /tmp of the running sandbox, emptied at each start
    <name>/sock          where workers connect while it runs
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time

from .identity import end, identity_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..framing import Header

ENDS_WITHIN_SECONDS = 5.0
MOUNTED = ("project", "home")


class Busy(Exception):
    """Another supervisor holds this sandbox, or it is being deleted right now."""


class Box:
    """The current directory is the box, so socket paths stay short."""

    def __init__(self, lock: int) -> None:
        self._lock = lock
        self._state: Header = _load("box.json")
        self._writing = threading.Lock()

    @classmethod
    def claim(cls, boxes: str, name: str) -> Box:
        """Raises Busy. The lock is held until this process ends."""
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
        return cls(lock)

    @property
    def generation(self) -> int:
        return int(self._state.get("generation", 0))

    @property
    def fence(self) -> int:
        return int(self._state.get("fence", 0))

    @property
    def expires_at(self) -> float:
        return float(self._state.get("expires_at", 0.0))

    def end_earlier(self) -> None:
        """Kill what an earlier, killed supervisor left: its sandbox may take a moment to die."""
        if not end(self._state.get("sandbox"), ENDS_WITHIN_SECONDS):
            raise Busy("sandbox")

    def has_files(self) -> bool:
        return os.path.isdir("files")

    def make_files(self, folder: str = "files") -> None:
        for part in MOUNTED:
            os.makedirs(os.path.join(folder, part), mode=0o755, exist_ok=True)

    def begin(
        self, generation: int, lease_seconds: float, restored: str | None, empty: bool
    ) -> None:
        """A new start of this sandbox: everything said here is true for its whole life."""
        now = time.time()
        self.remember(
            generation=generation,
            created_at=now,
            expires_at=now + lease_seconds,
            restored_from=restored,
            empty=empty,
            supervisor=identity_of(os.getpid()),
            sandbox=None,
        )

    def remember(self, **changes: object) -> None:
        with self._writing:
            self._state.update(changes)
            store("box.json", self._state)

    def describe(self) -> Header:
        told = ("generation", "fence", "created_at", "expires_at", "restored_from", "empty")
        return {key: self._state.get(key) for key in told}


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
