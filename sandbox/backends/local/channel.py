"""Owns one request from a worker to a supervisor: connect, ask, hear the answer, hang up."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from sandbox.backends.local.programs import framing
from sandbox.errors import Fatal, Fenced, FileProblem, Retryable, SandboxError, SandboxGone

Header = dict[str, Any]
SOCKET = "sock"
ERRORS: dict[str, type[SandboxError]] = {
    "gone": SandboxGone,
    "version": SandboxGone,
    "fenced": Fenced,
    "file": FileProblem,
    "retry": Retryable,
    "fatal": Fatal,
}


class NotRunning(Exception):
    """Nobody answers for this sandbox."""


async def ask(box: Path, header: Header, body: bytes, answer_within: float) -> tuple[Header, bytes]:
    """Raises NotRunning, or the error the supervisor answered with."""
    async with _connected(box) as (reader, writer):
        try:
            async with asyncio.timeout(answer_within):
                encoded = json.dumps(header).encode()
                writer.write(framing.LENGTHS.pack(len(encoded), len(body)) + encoded + body)
                await writer.drain()
                answer, data = await read_frame(reader)
        except TimeoutError:
            raise Retryable(f"The sandbox did not answer within {answer_within:.0f} s.") from None
        except (asyncio.IncompleteReadError, ConnectionError, framing.FramingError):
            raise NotRunning from None
    raise_error(answer)
    return answer, data


def raise_error(answer: Header) -> None:
    kind = answer.get("error")
    if kind is not None:
        raise ERRORS.get(str(kind), Fatal)(str(answer.get("message", kind)))


async def read_frame(reader: asyncio.StreamReader) -> tuple[Header, bytes]:
    lengths = framing.check_lengths(await reader.readexactly(framing.LENGTHS.size))
    header = framing.decode_header(await reader.readexactly(lengths[0]))
    return header, await reader.readexactly(lengths[1])


@asynccontextmanager
async def _connected(box: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    with _short_path(box) as path:
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except (FileNotFoundError, ConnectionError):
            raise NotRunning from None
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@contextmanager
def _short_path(box: Path) -> Iterator[str]:
    """Socket addresses hold 107 bytes; a folder's descriptor makes any path short."""
    try:
        folder = os.open(box, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotRunning from None
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
