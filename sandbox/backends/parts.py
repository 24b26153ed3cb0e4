"""Owns bringing a file into a sandbox in parts, because one request may move only so much.

The parts are gathered beside the file; the last one puts them in its place by a rename.
"""

import hashlib
import posixpath
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from sandbox.errors import SandboxError

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


def partial_path(path: str) -> str:
    """Where the parts of an absolute path wait: the same for every try, so that none is left."""
    name = hashlib.sha256(path.encode()).hexdigest()[:16]
    return posixpath.join(posixpath.dirname(path), f".{name}.partial")
