"""Owns the stream a snapshot is made of: project and home, packed inside the sandbox."""

from __future__ import annotations

import os

from .. import framing

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from ..framing import Header

CHUNK_BYTES = 1 << 20
HOME = "home/sandbox"
LEFT_OUT = frozenset({".jobs", ".archives", ".cache"})
"""Of the home: what is only worth something to the running sandbox, or can be made again."""
TAR = ["/usr/bin/tar", "-S", "--ignore-failed-read", "--sort=name", "-C", "/", "-cf", "-"]
TAR += ["--null", "-T", "/dev/stdin"]
TAR_FILE_CHANGED = 1
"""tar's status when a file changed while it was read: the snapshot is usable."""
FORMATS = {".zst": ["/usr/bin/zstd", "-q", "-3", "-T0"], ".gz": ["/bin/gzip", "-1"]}
"""Whole paths: they run without the limits of a command, so code in the home must not be found."""


def stream(limit_bytes: int, connection: socket.socket) -> Header:
    """Send the compressed stream as frames; the answer tells the format."""
    import tempfile  # dear, and not needed to start a sandbox

    suffix, compress = next((s, c) for s, c in FORMATS.items() if os.access(c[0], os.X_OK))
    plain_reader, plain_writer = os.pipe()
    packed_reader, packed_writer = os.pipe()
    with tempfile.TemporaryFile() as names:
        names.write(b"\0".join(_roots()))
        names.seek(0)
        tar = _run(TAR, stdin=names.fileno(), stdout=plain_writer)
    compressor = _run(compress, stdin=plain_reader, stdout=packed_writer)
    os.close(plain_reader)
    os.close(plain_writer)
    os.close(packed_writer)
    sent = 0
    while data := os.read(packed_reader, CHUNK_BYTES):
        sent += len(data)
        if sent > limit_bytes:
            megabytes = limit_bytes >> 20
            message = f"The project is larger than the {megabytes} MB a snapshot may hold."
            return {"error": "file", "message": message}
        framing.send(connection, {"more": True}, data)
    for name, pid, fine in (("tar", tar, (0, TAR_FILE_CHANGED)), (compress[0], compressor, (0,))):
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status not in fine:
            return {"error": "retry", "message": f"{name} ended with {status}"}
    return {"suffix": suffix}


def _roots() -> list[bytes]:
    """Named one by one: an exclude pattern would be tried at every level of every path."""
    home = sorted(set(os.listdir(f"/{HOME}")) - LEFT_OUT)
    return [b"project", *(os.fsencode(f"{HOME}/{name}") for name in home)]


def _run(arguments: list[str], stdin: int, stdout: int) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(stdin, 0)
            os.dup2(stdout, 1)
            os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
            os.closerange(3, 1 << 16)
            os.nice(5)
            os.execv(arguments[0], arguments)
        finally:
            os._exit(127)
    return pid
