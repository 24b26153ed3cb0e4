"""Owns file operations: each runs in a short-lived child of process 1, inside the sandbox.

The kernel confines every path to what the sandbox can see, so links need no checks here beyond
being told apart from files. Only regular files are opened, without following a final link and
without ever waiting for a FIFO.
"""

from __future__ import annotations

import json
import os
import signal
import stat

from .. import framing
from . import pack
from .refusal import PROJECT, TRANSIENT, Refused, sentence, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import NoReturn

    from ..framing import Header

    Operation = Callable[[Header, bytes, socket.socket], tuple[Header, bytes]]

SKIPPED = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".mypy_cache"})
LONGEST_LISTING = 200_000
LISTED_BYTES = framing.MAX_HEADER_BYTES // 2
"""A listing of long names stops here, because the answer has to fit into one frame."""
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
NEW_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
APPEND_FLAGS = (
    os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
)


def serve_in_child(header: Header, body_bytes: int, connection: socket.socket) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        body = framing.receive_exactly(connection, body_bytes)
        answer, data = _operate(header, body, connection)
        framing.send(connection, answer, data)
    except (OSError, framing.FramingError):
        pass  # the supervisor hung up
    finally:
        os._exit(0)


def _operate(header: Header, body: bytes, connection: socket.socket) -> tuple[Header, bytes]:
    path = header.get("path", PROJECT)
    try:
        return OPERATIONS[header["op"]](header, body, connection)
    except Refused as refusal:
        return {"error": "file", "message": str(refusal)}, b""
    except OSError as error:
        if error.errno in TRANSIENT:
            return {"error": "retry", "message": f"{shown(path)}: {error.strerror}"}, b""
        return {"error": "file", "message": sentence(error, path)}, b""


def open_regular(path: str, flags: int = READ_FLAGS) -> int:
    fd = os.open(path, flags)
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    if stat.S_ISDIR(mode):
        raise Refused(f"{shown(path)} is a folder, not a file.")
    raise Refused(f"{shown(path)} is not a regular file.")


def read(header: Header, _: bytes, __: socket.socket) -> tuple[Header, bytes]:
    """At most `limit` bytes from `offset`."""
    fd = open_regular(header["path"])
    size = os.fstat(fd).st_size
    return {"size": size, "shown": shown(header["path"])}, os.pread(
        fd, header["limit"], header.get("offset", 0)
    )


def write(header: Header, body: bytes, _: socket.socket) -> tuple[Header, bytes]:
    """Replace the whole file by a rename, so no reader sees half of it. Keeps its mode."""
    path: str = header["path"]
    mode = _mode_to_keep(path)
    os.umask(0o022)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # A name of its own: a write that was killed with an earlier sandbox may have left its file.
    partial = f"{os.path.dirname(path)}/.{os.urandom(8).hex()}.partial"
    fd = os.open(partial, NEW_FLAGS, 0o600)
    try:
        _write_all(fd, body)
        os.fchmod(fd, mode)
        os.rename(partial, path)
    except OSError:
        os.unlink(partial)
        raise
    return {}, b""


def append(header: Header, body: bytes, _: socket.socket) -> tuple[Header, bytes]:
    """One part of a file too large for one request; the last one puts the file in its place."""
    path: str = header["path"]
    partial: str = header["partial"]
    mode = _mode_to_keep(path)
    os.umask(0o022)
    if header["offset"] == 0:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(partial):
            os.unlink(partial)
        fd = os.open(partial, NEW_FLAGS, 0o600)
    else:
        fd = open_regular(partial, APPEND_FLAGS)
    try:
        if os.fstat(fd).st_size != header["offset"]:
            raise Refused(f"{shown(path)} was written by somebody else at the same time.")
        _write_all(fd, body)
        if header["last"]:
            os.fchmod(fd, mode)
            os.rename(partial, path)
    finally:
        os.close(fd)
    return {}, b""


def _mode_to_keep(path: str) -> int:
    """Refuses what is there and is no regular file."""
    if not os.path.lexists(path):
        return 0o644
    fd = open_regular(path)
    mode = stat.S_IMODE(os.fstat(fd).st_mode)
    os.close(fd)
    return mode


def _write_all(fd: int, body: bytes) -> None:
    view = memoryview(body)
    while view:
        view = view[os.write(fd, view) :]


def remove(header: Header, _: bytes, __: socket.socket) -> tuple[Header, bytes]:
    """Delete a file or link; one that is gone already is fine."""
    path = header["path"]
    try:
        if stat.S_ISDIR(os.lstat(path).st_mode):
            raise Refused(f"{shown(path)} is a folder, not a file.")
        os.unlink(path)
    except FileNotFoundError:
        pass
    return {}, b""


def list_files(header: Header, _: bytes, __: socket.socket) -> tuple[Header, bytes]:
    """Everything below a folder, sorted, depth first; a file is listed as itself."""
    top: str = header["path"]
    if not stat.S_ISDIR(os.lstat(top).st_mode):
        return {"files": [_row(top, os.lstat(top))], "truncated": False}, b""
    rows: list[list[object]] = []
    limit = min(header["limit"], LONGEST_LISTING)
    room = LISTED_BYTES
    pending = [top]
    while pending:
        path = pending.pop()
        if path != top:
            try:
                info = os.lstat(path)
            except OSError:
                continue  # removed while we listed
            row = _row(path, info)
            room -= len(json.dumps(row))
            if len(rows) == limit or room < 0:
                return {"files": rows, "truncated": True}, b""
            rows.append(row)
            if not stat.S_ISDIR(info.st_mode):
                continue
        pending.extend(_below(path))
    return {"files": rows, "truncated": False}, b""


def _below(folder: str) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return []  # closed by its owner, removed, or deeper than a path can name
    return [os.path.join(folder, n) for n in sorted(names, reverse=True) if n not in SKIPPED]


def _row(path: str, info: os.stat_result) -> list[object]:
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "link"))
    kind = next((name for test, name in kinds if test(info.st_mode)), "other")
    return [shown(path), kind, info.st_size if kind == "file" else 0]


def make_archive(header: Header, _: bytes, __: socket.socket) -> tuple[Header, bytes]:
    from . import archive  # zipfile would double the time process 1 takes to start

    return archive.make(header["slug"], header["title"], SKIPPED, header["limit"]), b""


def pack_project(header: Header, _: bytes, connection: socket.socket) -> tuple[Header, bytes]:
    return pack.stream(header["limit"], connection), b""


OPERATIONS: dict[str, Operation] = {
    "read": read,
    "write": write,
    "append": append,
    "remove": remove,
    "list": list_files,
    "archive": make_archive,
    "pack": pack_project,
}
