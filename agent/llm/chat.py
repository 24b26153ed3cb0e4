"""Owns calls to the Chat Completions API: the way to servers that speak nothing else.

The history stays in Responses items (`chat_items` converts). A stream of Chat has no terminal
event, so an answer counts only once a `finish_reason` came. `chat_answer` puts its pieces together.
"""

import logging
import time

from agent.llm import bounds, chat_items, repairs
from agent.llm.chat_answer import Answer
from agent.llm.connection import Connection, Endpoint
from agent.llm.counting import with_usage
from agent.llm.events import Events
from agent.llm.types import Json, LLMFatal, LLMRetry, Request, Turn

log = logging.getLogger(__name__)

_LIMITS = ("max_tokens", "max_completion_tokens")
_OPTIONAL = ("stream_options", "parallel_tool_calls", "max_tokens", "max_completion_tokens")
"""What a server may not know, and an answer can do without."""


class ChatLLM:
    def __init__(self, endpoint: Endpoint) -> None:
        self._connection = Connection(endpoint)
        # OpenAI's newer models refuse `max_tokens`; most other servers know nothing else.
        self._limit = _LIMITS[endpoint.is_openai]
        self._refused: set[str] = set()
        """Fields this server does not take, as learnt from its refusals."""

    async def turn(self, req: Request) -> Turn:
        while True:
            body = self._body(req)
            try:
                return await self._ask(req, body)
            except LLMFatal as error:
                if not self._learns(body, error):
                    raise
                log.warning("asked again in other words: %s", error)

    async def aclose(self) -> None:
        await self._connection.aclose()

    def _body(self, req: Request) -> Json:
        at = self._connection.endpoint
        body = to_wire(req, self._limit, at.output_tokens)
        if req.tools and not at.parallel:
            body["parallel_tool_calls"] = False
        return {name: value for name, value in body.items() if name not in self._refused}

    def _learns(self, body: Json, error: LLMFatal) -> bool:
        """Whether the refusal names a field that the next request can leave out or rename. Each is
        learnt once, so this ends."""
        if error.code not in ("bad_request", "context_overflow"):
            return False
        named = [name for name in _OPTIONAL if name in body and name in str(error)]
        if not named:
            return False
        other = _LIMITS[self._limit == _LIMITS[0]]
        if named[0] == self._limit and other not in self._refused and error.code == "bad_request":
            self._refused.add(self._limit)
            self._limit = other
        else:
            self._refused.add(named[0])
        return True

    async def _ask(self, req: Request, body: Json) -> Turn:
        started = time.monotonic()
        async with self._connection.stream("/chat/completions", body) as events:
            answer = Answer()
            try:
                await _read(events, answer)
                await events.drain()
            except bounds.Flood:
                log.warning("the answer of %s was cut: it did not end", req.model)
                return bounds.cut_turn(req.model, request_id=events.request_id, ms=_ms(started))
            turn = answer.to_turn(request_id=events.request_id, ms=_ms(started))
            return with_usage(repairs.repaired(turn, req.items), req)


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def to_wire(req: Request, limit_field: str, output_tokens: int = bounds.OUTPUT_TOKENS) -> Json:
    """The request's body. Effort, cache key and user are left out: few Chat servers know them."""
    body: Json = {
        "model": req.model,
        "messages": chat_items.to_messages(req.instructions, req.items),
        "stream": True,
        "stream_options": {"include_usage": True},
        limit_field: req.max_output_tokens or output_tokens,
    }
    if req.tools:
        body["tools"] = chat_items.to_tools(req.tools)
        if not req.parallel:
            body["parallel_tool_calls"] = False
    if req.json_schema is not None:
        schema = {"name": req.schema_name or "answer", "strict": True, "schema": req.json_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


async def _read(events: Events, answer: Answer) -> None:
    """Read to the end of the stream: the usage comes after the `finish_reason`."""
    async for chunk in events:
        answer.take(chunk)
    if answer.finish is None:
        raise LLMRetry("The model's answer ended before it was complete.")
