"""Owns the HTTP connection to a model's server: the SDK's client, its timeouts, and its bounds.

Requests go through the client's documented raw `post` and `get`: the typed `create` walks every
item of the history through its type unions (175 ms of CPU at 100 turns). Authentication, pooling
and the errors of a request stay the SDK's; `events.py` reads what it streams.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx2  # the SDK's transport
from openai import AsyncOpenAI, AsyncStream, DefaultAsyncHttpxClient, Timeout
from pydantic_core import to_json

from agent.llm import bounds, failures
from agent.llm.events import Events
from agent.llm.types import Json, LLMError, LLMFatal, LLMRetry

log = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
_OPENAI_HOSTS = (".openai.com", ".openai.azure.com")


@dataclass(frozen=True)
class Endpoint:
    """Where a model is served, and what one call of it may be."""

    api_key: str = field(repr=False)
    base_url: str = OPENAI_URL
    idle_timeout_seconds: float = 120.0
    """Bounds silence; `bounds.CALL_SECONDS` the whole answer."""
    connect_timeout_seconds: float = 5.0
    output_tokens: int = bounds.OUTPUT_TOKENS
    """Most of one answer where the request names no other bound."""
    call_seconds: float = bounds.CALL_SECONDS
    wire_bytes: int = bounds.WIRE_BYTES
    parallel: bool = True
    """Several tool calls in one answer; some servers garble them."""

    @property
    def is_openai(self) -> bool:
        """OpenAI itself or Azure: other servers know fewer parameters."""
        return (urlsplit(self.base_url).hostname or "").endswith(_OPENAI_HOSTS)

    @property
    def names_deployments(self) -> bool:
        """Azure: what is called the model is a deployment's name, and models are listed by
        another."""
        return (urlsplit(self.base_url).hostname or "").endswith(_OPENAI_HOSTS[1])


def default_api(base_url: str | None) -> Literal["responses", "chat"]:
    """Responses for OpenAI itself and Azure; for any other server Chat, the API it knows best."""
    return "responses" if not base_url or Endpoint("", base_url).is_openai else "chat"


class Connection:
    """One pooled client. It is made on first use, because it belongs to the loop that runs then."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._client: AsyncOpenAI | None = None

    @asynccontextmanager
    async def stream(self, path: str, body: Json) -> AsyncIterator[Events]:
        """POST `body` and give the events of the answer.

        Raises:
            LLMRetry, LLMFatal, LLMContextOverflow: also for failures in mid-stream.
        """
        with self.told():
            async with asyncio.timeout(self.endpoint.call_seconds):
                stream = await self._open().post(
                    path,
                    content=to_json(body),
                    cast_to=object,
                    stream=True,
                    stream_cls=AsyncStream[object],
                )
                async with stream:
                    _require(stream.response, "event-stream", "an event stream")
                    with understood():
                        yield Events(stream.response)

    async def json(
        self, method: Literal["get", "post", "delete"], path: str, **options: Any
    ) -> tuple[Json, str | None]:
        """A request without a stream: its answer, to be read within `told` and `understood`, and
        its request id. Raises as `stream`.

        Args:
            options: of the SDK's raw methods: `body`, `options={"params": …}`.
        """
        with self.told():
            async with asyncio.timeout(self.endpoint.call_seconds):
                send = getattr(self._open(), method)
                response: httpx2.Response = await send(path, cast_to=httpx2.Response, **options)
                _require(response, "json", "JSON")
                answer = response.json()
                if not isinstance(answer, dict):
                    raise LLMRetry("The model's server sent an answer that is not a JSON object.")
                return answer, response.headers.get("x-request-id")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Failures in our words. The SDK's own are not chained: a traceback would show a key that
        the server echoed."""
        try:
            yield
            return
        except failures.RAISED as error:
            told = failures.translate(error)
        except TimeoutError:
            minutes = round(self.endpoint.call_seconds / 60)
            told = LLMRetry(f"The model had not ended its answer after {minutes} minutes.")
        except LLMError as error:
            told = error
        raise failures.without_secret(told, self.endpoint.api_key) from None

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _open(self) -> AsyncOpenAI:
        if self._client is None:
            at = self.endpoint
            self._client = AsyncOpenAI(
                api_key=at.api_key,
                base_url=at.base_url,
                timeout=Timeout(at.idle_timeout_seconds, connect=at.connect_timeout_seconds),
                max_retries=0,  # the durable engine owns retries
                default_headers={"accept-encoding": "identity"},  # bytes on the wire are the bytes
                http_client=DefaultAsyncHttpxClient(
                    verify=_tls(), event_hooks={"response": [self._meter]}
                ),
            )
        return self._client

    async def _meter(self, response: httpx2.Response) -> None:
        """Bounds what is read of any answer, of an error's page too."""
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _Metered(response.stream, self.endpoint.wire_bytes)


@contextmanager
def understood() -> Iterator[None]:
    """An answer is read: what is missing or mistaken in it is the server's failure."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, failures.RAISED):
            raise
        log.warning("an answer of unknown shape", exc_info=True)
        name = type(error).__name__
        raise LLMRetry(f"The model's server sent an answer of unknown shape ({name}).") from None


@cache
def _tls() -> ssl.SSLContext:
    """One for all clients: it reads every authority's certificate, which takes 30 ms."""
    return httpx2.create_ssl_context()


def _require(response: httpx2.Response, kind: str, name: str) -> None:
    given = response.headers.get("content-type", "")
    if kind not in given:  # an HTML page with status 200 would pass for an empty stream
        address = response.url.copy_with(query=None, userinfo=b"")
        raise LLMFatal(
            f"{address} answered with {failures.plain(given) if given else 'no content type'} "
            f"instead of {name}; check OPENAI_BASE_URL.",
            "model_or_url",
        )


class _Metered(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, most_bytes: int) -> None:
        self._inner = inner
        self._most = most_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for chunk in self._inner:
            left -= len(chunk)
            if left < 0:
                raise bounds.Flood
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
