"""Owns the snapshots of one sandbox on this machine: compressed streams named by what they hold.

Nothing is ever packed or unpacked outside a sandbox, because names and links in it are hostile.
"""

from __future__ import annotations

import hashlib
import os
import time

from .. import framing
from . import bwrap
from .box import Box
from .erase import erase

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from ..framing import Header

KEPT = 10
"""A safety net only: the owner keeps fewer, and says which to forget."""
UNPACK = {".zst": "/usr/bin/zstd", ".gz": "/bin/gzip"}
SLACK_BYTES = 1 << 28
"""Headers of many small files, and what a watched folder may overshoot."""
UNUSABLE = 77
RESTORE = f"""
"$1" -dcq |
/usr/bin/dd bs=64K iflag=fullblock count="$2" status=none |
/usr/bin/tar -xpf - -C / --no-same-owner
s=("${{PIPESTATUS[@]}}")
[ "${{s[0]}}" != 0 ] && [ "${{s[1]}}" = 0 ] && exit {UNUSABLE}
exit $(( s[0] | s[1] | s[2] ))
"""
"""Code inside can forge a snapshot while it is packed, so no more is unpacked than a disk holds.

Unusable: the stream is damaged, or goes on after that much. A full disk ends tar first, then dd.
"""


class Refused(Exception):
    """No snapshot was made; `answer` is what the worker is told."""

    def __init__(self, answer: Header) -> None:
        super().__init__(answer["message"])
        self.answer = answer


class CannotUnpack(Exception):
    """The reason is in the log."""


def save(folder: str, stream: socket.socket, limit_bytes: int) -> Header:
    """Write what the sandbox sends. Equal content gives the same name and is kept once."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    partial = os.path.join(folder, f"{os.getpid()}-{id(stream)}.partial")
    digest = hashlib.sha256()
    try:
        with open(partial, "wb") as file:
            while (answer_and_data := framing.receive(stream))[0].get("more"):
                if file.tell() > limit_bytes:
                    raise framing.FramingError("the sandbox sent more than a snapshot may hold")
                file.write(answer_and_data[1])
                digest.update(answer_and_data[1])
            size = file.tell()
        answer = answer_and_data[0]
        if "error" in answer or answer.get("suffix") not in UNPACK:
            raise Refused({"error": "retry", "message": "the sandbox sent no snapshot", **answer})
        os.replace(partial, os.path.join(folder, digest.hexdigest() + answer["suffix"]))
    finally:
        if os.path.lexists(partial):
            os.unlink(partial)
    _keep_newest(folder)
    return {"snapshot_id": digest.hexdigest(), "size": size, "created_at": time.time()}


def restore(config: Header, box: Box, wanted: list[str], log: int) -> str | None:
    """Bring back the first of `wanted` that exists and is whole; None when none does.

    Raises:
        CannotUnpack: a whole snapshot was not unpacked, for want of disk or of a working sandbox.
            Starting from an older one, or empty, would look like losing the work.
    """
    folder = os.path.join(config["snapshots"], config["name"])
    for snapshot_id in filter(str.isalnum, wanted):
        for suffix, unpack in UNPACK.items():
            path = os.path.join(folder, snapshot_id + suffix)
            if not os.path.isfile(path):
                continue
            status = _unpack(config, box, path, unpack, log)
            if status == 0:
                os.rename(box.path("files.new"), box.path("files"))
                return snapshot_id
            if status != UNUSABLE and _digest(path) == snapshot_id:
                raise CannotUnpack
    return None


def _unpack(config: Header, box: Box, path: str, unpack: str, log: int) -> int:
    """Into a folder of its own, so that a crash on the way leaves nothing that looks finished."""
    new = box.path("files.new")
    erase(new)
    box.make_files("files.new")
    mounts = [(f"{new}/project", "/project"), (f"{new}/home", bwrap.HOME)]
    limit = str((2 * config["file_bytes"] + SLACK_BYTES) >> 16)
    command = ["/bin/bash", "-c", RESTORE, "restore", unpack, limit]
    with open(path, "rb") as stream:
        pid = bwrap.launch(config, mounts, command, stdin=stream.fileno(), stderr=log)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while data := file.read(1 << 20):
            digest.update(data)
    return digest.hexdigest()


def _keep_newest(folder: str) -> None:
    with os.scandir(folder) as entries:
        finished = [e for e in entries if not e.name.endswith(".partial")]
        finished.sort(key=lambda e: e.stat().st_mtime, reverse=True)
    for entry in finished[KEPT:]:
        os.unlink(entry.path)
