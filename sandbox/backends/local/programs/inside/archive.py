"""Owns the archive people download: a zip with one folder in it, which every desktop opens.

Links are left out: what they point to may not be there, or not be theirs to have, where it is
unpacked.
"""

from __future__ import annotations

import os
import stat
import time
import zipfile

from .refusal import PROJECT, Refused, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import io
    from collections.abc import Collection, Iterator

    from ..framing import Header

FOLDER = "/home/sandbox/.archives"
BESIDE = "/home/sandbox/.threadwright/beside"
"""Files that go into the archive beside the project's folder: its history, when it has one."""
KEPT = 3
NAMED = 3
"""Folders that a refusal names."""
COPY_BYTES = 1 << 20
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def make(slug: str, title: str, skipped: Collection[str], limit_bytes: int) -> Header:
    """Pack once per slug and title; a repeat finds the first archive."""
    folder = f"{FOLDER}/{slug}"
    path, counted = f"{folder}/{title}.zip", f"{folder}/{title}.count"
    if not os.path.lexists(counted):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _forget_old_ones()
        partial = f"{folder}/{os.getpid()}.partial"
        _refuse_larger(skipped, limit_bytes)
        try:
            count = _pack(partial, title, skipped, limit_bytes)
            os.rename(partial, path)
            with open(partial, "w", encoding="utf-8") as file:
                file.write(str(count))
            os.rename(partial, counted)
        finally:
            if os.path.lexists(partial):
                os.unlink(partial)
    with open(counted, encoding="utf-8") as file:
        return {"size": os.stat(path).st_size, "count": int(file.read(20))}


def _pack(path: str, title: str, skipped: Collection[str], limit_bytes: int) -> int:
    count = 0
    left = limit_bytes
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
        for source, name in _named_sources(title, skipped):
            try:
                fd = os.open(source, READ_FLAGS)
            except OSError:
                continue  # removed or closed meanwhile
            with os.fdopen(fd, "rb") as file:
                info = os.fstat(fd)
                if not stat.S_ISREG(info.st_mode):
                    continue
                left -= _add(packed, name, file, info, left)
                count += "/" in name  # what lies beside is no file of the project
            if left < 0 or os.stat(path).st_size > limit_bytes:
                raise Refused(_too_large(limit_bytes))  # it grew while it was packed
    return count


def _refuse_larger(skipped: Collection[str], limit_bytes: int) -> None:
    """Raises Refused before anything is packed, with what the owner needs to make it smaller."""
    sizes: dict[str, int] = {}
    for source in _sources(PROJECT, skipped):
        try:
            info = os.lstat(source)
        except OSError:
            continue  # removed meanwhile
        if stat.S_ISREG(info.st_mode):
            folder = "/".join(os.path.relpath(source, PROJECT).split("/")[:-1][:2])
            sizes[folder] = sizes.get(folder, 0) + info.st_size
    total = sum(sizes.values())
    if total > limit_bytes:
        large = [folder for folder in sizes if sizes[folder] * 20 > total]
        largest = sorted(large or sizes, key=lambda folder: -sizes[folder])[:NAMED]
        named = [f"{shown(f) if f else 'its top folder'} ({_mb(sizes[f])} MB)" for f in largest]
        what = f"it has {_mb(total)} MB, most of them in {', '.join(named)}."
        raise Refused(f"{_too_large(limit_bytes)[:-1]}: {what}")


def _too_large(limit_bytes: int) -> str:
    return f"The project is larger than the {limit_bytes >> 20} MB an archive may hold."


def _mb(size: int) -> str:
    return f"{size / (1 << 20):.1f}".removesuffix(".0")


def _add(
    packed: zipfile.ZipFile,
    name: str,
    file: io.BufferedReader,
    info: os.stat_result,
    left: int,
) -> int:
    """Copy one file; returns its bytes, one more than `left` when it does not fit."""
    entry = zipfile.ZipInfo(name, _time(info.st_mtime))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | stat.S_IMODE(info.st_mode) & 0o777) << 16
    copied = 0
    with packed.open(entry, "w") as target:
        while copied <= left:
            data = file.read(min(COPY_BYTES, left + 1 - copied))
            if not data:
                break
            target.write(data)
            copied += len(data)
    return copied


def _time(seconds: float) -> tuple[int, int, int, int, int, int]:
    """Zip knows the years 1980 to 2107."""
    t = time.gmtime(min(max(seconds, 315532800), 4354819198))
    return t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec


def _named_sources(title: str, skipped: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each file with its name in the archive."""
    for source in _sources(PROJECT, skipped):
        name = os.fsencode(os.path.relpath(source, PROJECT)).decode("utf-8", "replace")
        yield source, f"{title}/{name}"
    for source in _sources(BESIDE, ()):
        name = os.path.basename(source)
        if name.isascii() and name.endswith((".bundle", ".patch")) and "\\" not in name:
            yield source, name


def _sources(folder: str, skipped: Collection[str]) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in skipped)
        for name in sorted(names):
            yield os.path.join(parent, name)


def _forget_old_ones() -> None:
    with os.scandir(FOLDER) as entries:
        folders = sorted(
            entries, key=lambda e: e.stat(follow_symlinks=False).st_mtime, reverse=True
        )
    for folder in folders[KEPT:]:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
