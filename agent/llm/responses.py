"""Owns calls to the Responses API, the default: stateless, streamed, reasoning carried by
ciphertext.

`store` is off and the whole history goes with each call, so the server remembers nothing of ours
and a replay can ask anywhere. Ids are dropped on arrival: echoing one would refer to something
never stored.
"""

import hashlib
import logging
import time

from agent.llm import bounds, failures, repairs
from agent.llm.connection import Connection, Endpoint
from agent.llm.counting import counted, with_usage
from agent.llm.events import Events
from agent.llm.types import (
    Json,
    LLMFatal,
    LLMRetry,
    Request,
    Stop,
    Turn,
    without_reasoning,
)

log = logging.getLogger(__name__)

_KEY_CHARS = 32
_TERMINAL = {"response.completed", "response.incomplete", "response.failed"}
_INCOMPLETE: dict[str, Stop] = {"max_output_tokens": "max_tokens", "content_filter": "filtered"}


class ResponsesLLM:
    def __init__(self, endpoint: Endpoint) -> None:
        self._connection = Connection(endpoint)

    async def turn(self, req: Request) -> Turn:
        try:
            return await self._ask(req)
        except failures.ReasoningRefused:
            items = without_reasoning(req.items)
            if len(items) == len(req.items):
                raise
            log.warning("earlier reasoning refused, asked again without it")
            return await self._ask(req.model_copy(update={"items": items}))

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _ask(self, req: Request) -> Turn:
        started = time.monotonic()
        body = wire_for(self._connection.endpoint, req)
        async with self._connection.stream("/responses", body) as events:
            try:
                response, items = await _read(events)
                await events.drain()
            except bounds.Flood:
                log.warning("the answer of %s was cut: it did not end", req.model)
                return bounds.cut_turn(req.model, request_id=events.request_id, ms=_ms(started))
            turn = to_turn(response, items, request_id=events.request_id, ms=_ms(started))
            return with_usage(repairs.repaired(turn, req.items), req)


def _ms(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def wire_for(at: Endpoint, req: Request) -> Json:
    """The request's body as this server is asked."""
    body = to_wire(req, at.output_tokens)
    if "tools" in body and not at.parallel:
        body["parallel_tool_calls"] = False
    return body


def to_wire(req: Request, output_tokens: int = bounds.OUTPUT_TOKENS) -> Json:
    """The request's body. Only what is asked for is sent: compatible servers refuse fields they do
    not know."""
    reasoning = {"effort": req.effort, "summary": "auto"} if req.effort else {"summary": "auto"}
    body: Json = {
        "model": req.model,
        "instructions": req.instructions,
        "input": req.items,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": reasoning,
        "stream": True,
        "max_output_tokens": req.max_output_tokens or output_tokens,
    }
    if req.tools:
        body |= {"tools": req.tools, "parallel_tool_calls": req.parallel}
    if req.json_schema is not None:
        name = req.schema_name or "answer"
        text = {"type": "json_schema", "name": name, "strict": True, "schema": req.json_schema}
        body["text"] = {"format": text}
    if req.cache_key is not None:
        body["prompt_cache_key"] = hashed_key(req.cache_key)
    if req.user_hash is not None:
        body["safety_identifier"] = req.user_hash
    return body


def hashed_key(key: str) -> str:
    """OpenAI refuses keys of more than 64 characters, and need not know of which thread it is."""
    return hashlib.sha256(key.encode()).hexdigest()[:_KEY_CHARS]


async def _read(events: Events) -> tuple[Json, list[Json]]:
    """The final response, and its items from `output_item.done`: ciphertext told earlier may be
    partial."""
    done: dict[int, Json] = {}
    meter = bounds.Meter()
    async for event in events:
        kind = event.get("type")
        meter.take(event.get("delta"))
        if kind == "response.output_item.done":
            done[event["output_index"]] = event["item"]
        elif kind in _TERMINAL:
            response = event["response"]
            return response, [done[i] for i in sorted(done)] or response.get("output") or []
    raise LLMRetry("The model's answer ended before it was complete.")


def to_turn(response: Json, items: list[Json], *, request_id: str | None, ms: int) -> Turn:
    """What the journal keeps of a finished response. Raises LLMError for a failed one."""
    stop, error = _stop(response, items)
    whole = stop in ("end", "tools")
    if response.get("input_transformations"):
        log.info("the server withheld input: %s", response["input_transformations"])
    return Turn(
        items=[_kept(item) for item in items if _is_kept(item)] if whole else [],
        text=_text(items),
        refusal=_refusal(items),
        stop=stop,
        error=error,
        model=response.get("model") or "unknown",
        response_id=response.get("id"),
        request_id=request_id,
        usage=counted(response.get("usage"), "input_tokens", "output_tokens"),
        ms=ms,
    )


def _stop(response: Json, items: list[Json]) -> tuple[Stop, str | None]:
    if response.get("status") == "failed":
        error = response.get("error") or {}
        failure = failures.of_failed_response(error)
        if failure is not None:
            raise failure
        return "failed", f"{error.get('code')}: {failures.plain(str(error.get('message') or ''))}"
    if response.get("status") == "incomplete":
        reason = (response.get("incomplete_details") or {}).get("reason") or "unknown reason"
        stop = _INCOMPLETE.get(reason, "failed")
        return stop, f"incomplete: {reason}" if stop == "failed" else None
    return ("tools" if any(i.get("type") == "function_call" for i in items) else "end"), None


def _is_kept(item: Json) -> bool:
    # Without ids only the ciphertext carries reasoning; a server that gives none wants none back.
    return item.get("type") != "reasoning" or bool(item.get("encrypted_content"))


def _kept(item: Json) -> Json:
    """The item without what refers to the server's memory or only describes this answer; `phase`
    stays."""
    kept = {k: v for k, v in item.items() if k not in ("id", "status") and v is not None}
    if item.get("type") == "message":
        parts = item.get("content") or []
        kept["content"] = [{k: v for k, v in p.items() if k != "logprobs"} for p in parts]
    return _whole_call(kept) if item.get("type") == "function_call" else kept


def _whole_call(item: Json) -> Json:
    missing = [name for name in ("call_id", "name", "arguments") if name not in item]
    if missing:
        raise LLMFatal(
            f"The model's server sent a function call without {missing[0]!r}; "
            "it does not speak the Responses API, try LLM_API=chat.",
            "model_or_url",
        )
    return {**item, "arguments": repairs.argument_text(item["arguments"])}


def _text(items: list[Json]) -> str:
    """The answer. Commentary beside it is left out when the server tells the two apart."""
    messages = [i for i in items if i.get("type") == "message"]
    final = [m for m in messages if m.get("phase") == "final_answer"]
    return "\n\n".join(filter(None, (_parts(m, "output_text", "text") for m in final or messages)))


def _refusal(items: list[Json]) -> str | None:
    messages = [i for i in items if i.get("type") == "message"]
    return "".join(_parts(m, "refusal", "refusal") for m in messages) or None


def _parts(message: Json, kind: str, key: str) -> str:
    return "".join(p.get(key) or "" for p in message.get("content") or [] if p.get("type") == kind)
