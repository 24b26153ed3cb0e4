"""Owns the HTTP connection to a model's server: the SDK's client, its timeouts, and one streamed
POST.

Requests go through the client's documented raw `post`: the typed `create` walks every item of the
history through its type unions (175 ms of CPU at 100 turns), and building its event models triples
a turn's cost. Authentication, pooling, error mapping and the event-stream decoder stay the SDK's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from openai import AsyncOpenAI, AsyncStream, Timeout

from agent.llm import failures
from agent.llm.types import Json, LLMFatal, LLMRetry

OPENAI_URL = "https://api.openai.com/v1"
_DRAIN_SECONDS = 1.0


@dataclass(frozen=True)
class Endpoint:
    """Where a model is served. `idle_timeout_seconds` bounds silence, never the whole answer."""

    api_key: str = field(repr=False)
    base_url: str = OPENAI_URL
    idle_timeout_seconds: float = 120.0
    connect_timeout_seconds: float = 5.0


class Connection:
    """One pooled client. It is made on first use, because it belongs to the loop that runs then."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client: AsyncOpenAI | None = None

    @asynccontextmanager
    async def stream(self, path: str, body: Json) -> AsyncIterator["Events"]:
        """POST `body` and give the events of the answer.

        Raises:
            LLMRetry, LLMFatal, LLMContextOverflow: also for failures in mid-stream.
        """
        try:
            stream = await self._open().post(
                path, body=body, cast_to=object, stream=True, stream_cls=AsyncStream[object]
            )
            async with stream:
                _require_event_stream(stream)
                yield Events(stream)
        except failures.RAISED as error:
            raise failures.translate(error) from error

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _open(self) -> AsyncOpenAI:
        if self._client is None:
            at = self._endpoint
            self._client = AsyncOpenAI(
                api_key=at.api_key,
                base_url=at.base_url,
                timeout=Timeout(at.idle_timeout_seconds, connect=at.connect_timeout_seconds),
                max_retries=0,  # the durable engine owns retries
            )
        return self._client


class Events:
    """The events of one streamed answer, as plain JSON objects."""

    def __init__(self, stream: AsyncStream[object]) -> None:
        self._stream = stream

    @property
    def request_id(self) -> str | None:
        return self._stream.response.headers.get("x-request-id")

    def __aiter__(self) -> "Events":
        return self

    async def __anext__(self) -> Json:
        event = await anext(self._stream)
        if not isinstance(event, dict):
            raise LLMRetry("The model's server sent an event that is not a JSON object.")
        return event

    async def drain(self) -> None:
        """Read what is left after the last event of interest, so that the connection is reused."""
        complete = (StopAsyncIteration, TimeoutError, *failures.RAISED)  # the answer is, either way
        with suppress(*complete):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while True:
                    await anext(self._stream)


def _require_event_stream(stream: AsyncStream[object]) -> None:
    kind = stream.response.headers.get("content-type", "")
    if "event-stream" not in kind:  # an HTML page with status 200 would pass for an empty stream
        raise LLMFatal(
            f"{stream.response.url} answered with {kind or 'no content type'} instead of an event "
            "stream; check OPENAI_BASE_URL.",
            "model_or_url",
        )
