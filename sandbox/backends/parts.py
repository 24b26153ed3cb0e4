"""Owns moving a file in parts, into a sandbox and out of it: one request may move only so much.

Parts that are written are gathered beside the file; the last one puts them in its place by a
rename.
"""

import hashlib
import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from sandbox.errors import FileProblem, SandboxError

PART_BYTES = 4 << 20


@dataclass(frozen=True)
class Part:
    data: bytes
    offset: int
    last: bool


async def write_parts(
    chunks: AsyncIterator[bytes],
    put: Callable[[Part], Awaitable[None]],
    drop: Callable[[], Awaitable[None]],
) -> int:
    """Returns the bytes put.

    Args:
        put: writes one part; the one at offset 0 begins anew.
        drop: removes what was put, after a failure.
    """
    held, offset = bytearray(), 0
    try:
        async for chunk in chunks:
            held += chunk
            while len(held) > PART_BYTES:
                await put(Part(bytes(held[:PART_BYTES]), offset, last=False))
                del held[:PART_BYTES]
                offset += PART_BYTES
        await put(Part(bytes(held), offset, last=True))
    except BaseException:
        with suppress(SandboxError):  # what went wrong first is what is told
            await drop()
        raise
    return offset + len(held)


async def read_parts(
    size_bytes: int, read: Callable[[int, int], Awaitable[bytes]], most_bytes: int
) -> AsyncIterator[bytes]:
    """Exactly `size_bytes` of a finished archive. Raises FileProblem when it has become shorter.

    Args:
        read: what stands at an offset, at most so many bytes of it.
    """
    offset = 0
    while offset < size_bytes:
        data = await read(offset, min(most_bytes, size_bytes - offset))
        if not data:
            raise FileProblem("The archive was changed while it was read: ask for it again.")
        offset += len(data)
        yield data


def partial_path(path: str) -> str:
    """Where the parts of an absolute path wait: the same for every try, so that none is left."""
    name = hashlib.sha256(path.encode()).hexdigest()[:16]
    return posixpath.join(posixpath.dirname(path), f".{name}.partial")
