"""Owns file systems of fixed size, one per sandbox: an image file, mounted by a worker that is
root.

    images/<name>.img    sparse, ext4; images/<name>.lock orders workers on this machine
    disks/<name>/        where it is mounted, nosuid and nodev

Only root can write to both folders, so the user that runs sandboxes can neither offer a forged
image to the kernel nor bend a mount elsewhere. The loop device belongs to the mount and goes with
it. Nothing here is undone by hand after a crash: each step looks first at what is already there,
and a mount is only given up when the kernel says that nobody uses it.
"""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.backends.local.installation import Installation
from sandbox.errors import Fatal, Retryable
from sandbox.settings import Settings

TOOLS = ("mkfs.ext4", "e2fsck", "losetup", "mount", "umount")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
FLOOR_BYTES = 2 << 30
"""The machine keeps this free: images are sparse, together they may promise more than there is."""
UNMOUNTED_WITHIN_SECONDS = 5.0
REPAIRED = 2
"""e2fsck's highest status that means a sound file system."""


class Disks:
    def __init__(self, settings: Settings, installation: Installation) -> None:
        """Raises Fatal when images are asked for and cannot work here."""
        self._size = settings.disk_mb << 20
        self._wanted = settings.disk == "image"
        self._boxes = installation.boxes
        self._owner = installation.run_as
        self._images = settings.state_dir / "images"
        self._mounts = settings.state_dir / "disks"
        if self._wanted:
            _check(installation)
            self._images.mkdir(mode=0o700, exist_ok=True)
            self._mounts.mkdir(mode=0o711, exist_ok=True)
            self._mounts.chmod(0o711)

    @property
    def are_images(self) -> bool:
        """Of new sandboxes."""
        return self._wanted

    def ready(self, name: str) -> Path | None:
        """Mount the file system of this sandbox, made when it has none; None: a plain folder.

        A sandbox keeps what it began with, whatever the setting says by now: its files are there.
        """
        image = self._images / f"{name}.img"
        if not image.exists():
            if not self._wanted or (self._boxes / name / "files").exists():
                return None
            self._check_space()
        with self._locked(name) as lock:
            if not image.exists():
                self._make(lock, image)
            place = self._mounts / name
            if not place.is_mount():
                place.mkdir(mode=0o700, exist_ok=True)
                self._mount(lock, image, place)
            return place

    def release(self, name: str) -> None:
        """Unmount, unless a supervisor still holds it: then somebody else does later."""
        place = self._mounts / name
        if place.is_mount():
            with self._locked(name) as lock:
                self._unmount(lock, place, within_seconds=0.5)

    def delete(self, name: str) -> None:
        """Raises Retryable while something still uses it."""
        if not (self._images / f"{name}.lock").exists():
            return
        place = self._mounts / name
        with self._locked(name) as lock:
            if not self._unmount(lock, place, UNMOUNTED_WITHIN_SECONDS):
                raise Retryable("The disk of the sandbox is still in use.")
            (self._images / f"{name}.img").unlink(missing_ok=True)
            if place.is_dir():
                place.rmdir()
            (self._images / f"{name}.lock").unlink()

    def _make(self, lock: int, image: Path) -> None:
        partial = image.with_suffix(".partial")
        with partial.open("wb") as file:
            file.truncate(self._size)
        options = f"root_owner={self._owner}:{self._owner}"
        _run(lock, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", options, str(partial))
        partial.rename(image)

    def _mount(self, lock: int, image: Path, place: Path) -> None:
        """`mount` takes the loop device the image already has, if one was left."""
        line = ("mount", "-o", "loop,nosuid,nodev,noatime,discard", str(image), str(place))
        deadline = time.monotonic() + UNMOUNTED_WITHIN_SECONDS
        while True:
            try:
                _run(lock, *line)
                break
            except Retryable:
                if not _is_attached(lock, image):
                    _run(lock, "e2fsck", "-f", "-y", str(image), fine=REPAIRED)
                    _run(lock, *line)
                    break
                # An earlier mount is still going away, or is one we do not see: no repair then.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        if (place / "lost+found").exists():
            (place / "lost+found").rmdir()

    def _unmount(self, lock: int, place: Path, within_seconds: float) -> bool:
        deadline = time.monotonic() + within_seconds
        while place.is_mount():
            try:
                _run(lock, "umount", str(place))
            except Retryable:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.02)
        return True

    def _check_space(self) -> None:
        free = shutil.disk_usage(self._images).free
        if free < FLOOR_BYTES:
            raise Retryable(
                f"The machine's disk has {free >> 20} MB left, too little for another sandbox: "
                "make room, or destroy sandboxes that are not needed."
            )

    @contextmanager
    def _locked(self, name: str) -> Iterator[int]:
        path = self._images / f"{name}.lock"
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                if not _is_still(fd, path):
                    continue  # deleted while we waited
                yield fd
                return
            finally:
                os.close(fd)


def _is_still(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _check(installation: Installation) -> None:
    if installation.run_as is None:
        raise Fatal(
            "SANDBOX_DISK=image needs a worker that is root, which mounts the images: "
            "set it to folder."
        )
    missing = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
    if missing:
        raise Fatal(
            f"SANDBOX_DISK=image needs {', '.join(missing)}: install e2fsprogs and mount, or set "
            "it to folder."
        )


def _is_attached(lock: int, image: Path) -> bool:
    return bool(_run(lock, "losetup", "-j", str(image)))


def _run(lock: int, *line: str, fine: int = 0) -> str:
    """The tool holds the lock too, so that it is over before another worker begins when we are
    killed. Raises Retryable with what it said.
    """
    done = subprocess.run(
        line,
        env={"PATH": PATH, "LC_ALL": "C"},
        pass_fds=[lock],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode > fine:
        said = " ".join((done.stderr or done.stdout).split())[-300:]
        raise Retryable(f"{line[0]} failed on the disk of a sandbox: {said}")
    return done.stdout
