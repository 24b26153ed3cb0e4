"""Owns how a streamed answer is read: its server-sent events, as plain JSON objects.

A long answer is thousands of them, so no model is built of any.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2  # the SDK's transport

from agent.llm import bounds, failures
from agent.llm.types import Json, LLMRetry

_DRAIN_SECONDS = 1.0
_BOM = b"\xef\xbb\xbf"


class Events:
    """The events of one answer, up to its `[DONE]` or its end."""

    def __init__(self, response: httpx2.Response) -> None:
        self.request_id: str | None = response.headers.get("x-request-id")
        self._chunks = response.aiter_bytes()

    async def __aiter__(self) -> AsyncIterator[Json]:
        """Raises LLMError for what the server tells of an error, and `failures.RAISED`."""
        begun, data = bytearray(), list[bytes]()
        async for chunk in self._to_the_end():
            *ended, rest = chunk.split(b"\n")
            for line in ended:
                if begun:
                    line = bytes(begun) + line
                    begun.clear()
                if line.startswith((b"data:", _BOM + b"data:")):
                    data.append(line.partition(b":")[2].strip())
                elif data and not line.strip():  # an empty one ends the event
                    if data[0] == b"[DONE]":
                        return
                    yield _object(b"\n".join(data))
                    data.clear()
            begun += rest

    async def _to_the_end(self) -> AsyncIterator[bytes]:
        """The last event may lack its empty line: it is read, and half of one is broken JSON."""
        async for chunk in self._chunks:
            yield chunk
        yield b"\n\n"

    async def drain(self) -> None:
        """Read what is left after the last event of interest, so that the connection is reused."""
        with suppress(TimeoutError, bounds.Flood, *failures.RAISED):  # the answer is, either way
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in self._chunks:
                    pass


def _object(data: bytes) -> Json:
    event = json.loads(data.decode())
    if not isinstance(event, dict):
        raise LLMRetry("The model's server sent an event that is not a JSON object.")
    error = event.get("error") or (event if event.get("type") == "error" else None)
    if error:
        told = error if isinstance(error, dict) else {"message": error}
        message = str(told.get("message") or "")
        raise failures.of_error(told.get("code"), told.get("type"), message)
    return event
