"""Owns calls to the Chat Completions API: the way to servers that speak nothing else.

The history stays in Responses items (`chat_items` converts). A stream of Chat has no terminal
event, so an answer counts only once a `finish_reason` came.
"""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from agent.llm import chat_items, failures
from agent.llm.connection import Connection, Endpoint, Events
from agent.llm.types import Json, LLMRetry, OnDelta, Request, Stop, ToolCall, Turn, Usage

_STOPS: dict[str, Stop] = {"length": "max_tokens", "content_filter": "filtered"}
_OPENAI_HOSTS = (".openai.com", ".openai.azure.com")


class ChatLLM:
    def __init__(self, endpoint: Endpoint) -> None:
        self._connection = Connection(endpoint)
        host = urlsplit(endpoint.base_url).hostname or ""
        # OpenAI's newer models refuse `max_tokens`; most other servers know nothing else.
        self._limit = "max_completion_tokens" if host.endswith(_OPENAI_HOSTS) else "max_tokens"

    async def turn(self, req: Request, on_delta: OnDelta | None = None) -> Turn:
        started = time.monotonic()
        answer = _Answer()
        body = to_wire(req, self._limit)
        async with self._connection.stream("/chat/completions", body) as events:
            await _read(events, answer, on_delta)
            ms = round((time.monotonic() - started) * 1000)
            return answer.to_turn(request_id=events.request_id, ms=ms)

    async def aclose(self) -> None:
        await self._connection.aclose()


def to_wire(req: Request, limit_field: str) -> Json:
    """The request's body. Effort, cache key and user are left out: few Chat servers know them."""
    body: Json = {
        "model": req.model,
        "messages": chat_items.to_messages(req.instructions, req.items),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if req.tools:
        body["tools"] = chat_items.to_tools(req.tools)
        if not req.parallel:
            body["parallel_tool_calls"] = False
    if req.json_schema is not None:
        schema = {"name": req.schema_name or "answer", "strict": True, "schema": req.json_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if req.max_output_tokens is not None:
        body[limit_field] = req.max_output_tokens
    return body


async def _read(events: Events, answer: "_Answer", on_delta: OnDelta | None) -> None:
    """Read to the end of the stream: the usage comes after the `finish_reason`."""
    async for chunk in events:
        answer.take(chunk)
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            answer.take_delta(delta, choice.get("finish_reason"))
            if on_delta is not None:
                await _show(delta, on_delta)
    if answer.finish is None:
        raise LLMRetry("The model's answer ended before it was complete.")


async def _show(delta: Json, on_delta: OnDelta) -> None:
    if delta.get("reasoning_content"):
        await on_delta("thinking", delta["reasoning_content"])
    if delta.get("content"):
        await on_delta("text", delta["content"])


@dataclass
class _PartialCall:
    call_id: str = ""
    name: str = ""
    raw: str = ""


@dataclass
class _Answer:
    """One answer, put together from the pieces of its stream."""

    text: str = ""
    refusal: str = ""
    finish: str | None = None
    calls: dict[int, _PartialCall] = field(default_factory=dict)
    head: Json = field(default_factory=dict)
    usage: Any = None

    def take(self, chunk: Json) -> None:
        self.head = self.head or chunk
        self.usage = chunk.get("usage") or self.usage

    def take_delta(self, delta: Json, finish: str | None) -> None:
        self.text += delta.get("content") or ""
        self.refusal += delta.get("refusal") or ""
        self.finish = finish or self.finish
        for piece in delta.get("tool_calls") or []:
            call = self.calls.setdefault(self._index(piece), _PartialCall())
            function = piece.get("function") or {}
            call.call_id = piece.get("id") or call.call_id
            call.name = function.get("name") or call.name
            call.raw += function.get("arguments") or ""

    def _index(self, piece: Json) -> int:
        """Some servers number no pieces: then an id begins a call, and the rest belongs to the
        last."""
        if piece.get("index") is not None:
            return int(piece["index"])
        return len(self.calls) if piece.get("id") else max(len(self.calls) - 1, 0)

    def to_turn(self, *, request_id: str | None, ms: int) -> Turn:
        stop, error = self._stop()
        whole = stop in ("end", "tools")
        calls = [
            ToolCall(call_id=c.call_id or _new_call_id(), name=c.name, raw=c.raw)
            for _, c in sorted(self.calls.items())
        ]
        return Turn(
            items=chat_items.to_items(self.text, self.refusal, calls) if whole else [],
            text=self.text,
            refusal=self.refusal or None,
            calls=calls if whole else [],
            stop=stop,
            error=error,
            model=self.head.get("model") or "unknown",
            response_id=self.head.get("id"),
            request_id=request_id,
            usage=_usage(self.usage),
            ms=ms,
        )

    def _stop(self) -> tuple[Stop, str | None]:
        if self.finish == "error":
            raise failures.of_error(None, "error", "finish_reason is error")
        if self.finish in _STOPS:
            return _STOPS[self.finish], None
        return ("tools" if self.calls else "end"), None


def _new_call_id() -> str:
    return f"call_{secrets.token_hex(12)}"  # servers that give no ids still need one echoed


def _usage(raw: Any) -> Usage:
    raw = raw or {}
    into = raw.get("prompt_tokens_details") or {}
    out = raw.get("completion_tokens_details") or {}
    return Usage(
        input=raw.get("prompt_tokens") or 0,
        cached=into.get("cached_tokens") or 0,
        cache_write=into.get("cache_write_tokens") or 0,
        output=raw.get("completion_tokens") or 0,
        reasoning=out.get("reasoning_tokens") or 0,
    )
