"""Owns how a reply looks on the Responses API: output items, the event stream, the response
object."""

import time
from collections.abc import Iterator
from typing import Any

from local.model import reasoning
from local.model.frames import Frame, frame, pieces
from local.model.refusal import Json
from local.model.reply import Call, Reply, new_id
from local.model.usage import Tokens

_ECHOED: Json = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": {},
    "safety_identifier": None,
    "service_tier": "default",
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "truncation": "disabled",
}


def answer(request: Json, reply: Reply, tokens: Tokens) -> Json:
    """The whole response, as a request without `stream` gets it."""
    return _Response(request, reply, tokens).closed()


def stream(request: Json, reply: Reply, tokens: Tokens) -> Iterator[Frame]:
    """The same answer as OpenAI streams it: items open, grow by deltas and close, then the end."""
    response = _Response(request, reply, tokens)
    for number, event in enumerate(response.events()):
        kind = event["type"]
        yield frame(
            {**event, "sequence_number": number},
            kind,
            last=kind == response.closing_event,
            pause=kind.endswith(".delta"),
        )


class _Response:
    def __init__(self, request: Json, reply: Reply, tokens: Tokens) -> None:
        self._reply = reply
        self._tokens = tokens
        self._head: Json = {
            "id": new_id("resp"),
            "object": "response",
            "created_at": int(time.time()),
            "model": reply.model,
            "background": bool(request.get("background")),
            "previous_response_id": None,
            "store": bool(request.get("store")),
            "temperature": 1.0,
            "top_p": 1.0,
            **{name: request.get(name, default) for name, default in _ECHOED.items()},
        }
        self._output = list(_items(reply))

    @property
    def closing_event(self) -> str:
        return f"response.{self._status}"

    @property
    def _status(self) -> str:
        if self._reply.failed:
            return "failed"
        return "incomplete" if self._reply.incomplete else "completed"

    def closed(self) -> Json:
        reply = self._reply
        failed = {"code": reply.failed, "message": "The scripted model was told to fail."}
        return {
            **self._head,
            "status": self._status,
            "error": failed if reply.failed else None,
            "incomplete_details": {"reason": reply.incomplete} if reply.incomplete else None,
            "output": self._output,
            "usage": _usage(self._tokens),
        }

    def events(self) -> Iterator[Json]:
        opened = {
            **self._head,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "output": [],
            "usage": None,
        }
        yield {"type": "response.created", "response": opened}
        yield {"type": "response.in_progress", "response": opened}
        for index, item in enumerate(self._output):
            yield from _item_events(index, item)
        yield {"type": self.closing_event, "response": self.closed()}


def _items(reply: Reply) -> Iterator[Json]:
    status = "incomplete" if reply.incomplete else "completed"
    if reply.thinking:
        yield {
            "id": new_id("rs"),
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": reply.thinking}],
            "encrypted_content": reasoning.seal(),
        }
    if reply.text or reply.refusal:
        part = (
            {"type": "refusal", "refusal": reply.refusal}
            if reply.refusal
            else {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        )
        yield {
            "id": new_id("msg"),
            "type": "message",
            "status": status,
            "role": "assistant",
            "phase": "commentary" if reply.calls else "final_answer",
            "content": [part],
        }
    for call in reply.calls:
        yield _call_item(call, status)


def _call_item(call: Call, status: str) -> Json:
    return {
        "id": new_id("fc"),
        "type": "function_call",
        "status": status,
        "call_id": call.call_id or new_id("call"),
        "name": call.name,
        "arguments": call.arguments,
    }


def _item_events(index: int, item: Json) -> Iterator[Json]:
    inner = {
        "reasoning": _summary_events,
        "message": _message_events,
        "function_call": _argument_events,
    }[item["type"]]
    yield {"type": "response.output_item.added", "output_index": index, "item": _empty(item)}
    yield from inner({"item_id": item["id"], "output_index": index}, item)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _empty(item: Json) -> Json:
    """The item as it is announced, before anything is in it."""
    match item["type"]:
        case "reasoning":
            # Partial on purpose: only the ciphertext of `output_item.done` is whole.
            return {**item, "summary": [], "encrypted_content": item["encrypted_content"][:64]}
        case "message":
            return {**item, "status": "in_progress", "content": []}
    return {**item, "status": "in_progress", "arguments": ""}


def _summary_events(at: Json, item: Json) -> Iterator[Json]:
    part = item["summary"][0]
    at = {**at, "summary_index": 0}
    empty = {"type": "summary_text", "text": ""}
    yield {"type": "response.reasoning_summary_part.added", **at, "part": empty}
    for piece in pieces(part["text"]):
        yield {"type": "response.reasoning_summary_text.delta", **at, "delta": piece}
    yield {"type": "response.reasoning_summary_text.done", **at, "text": part["text"]}
    yield {"type": "response.reasoning_summary_part.done", **at, "part": part}


def _message_events(at: Json, item: Json) -> Iterator[Json]:
    part = item["content"][0]
    at = {**at, "content_index": 0}
    kind = part["type"]
    key = "text" if kind == "output_text" else "refusal"
    extra: Json = {"logprobs": []} if kind == "output_text" else {}
    yield {"type": "response.content_part.added", **at, "part": {**part, key: ""}}
    for piece in pieces(part[key]):
        yield {"type": f"response.{kind}.delta", **at, "delta": piece, **extra}
    yield {"type": f"response.{kind}.done", **at, key: part[key], **extra}
    yield {"type": "response.content_part.done", **at, "part": part}


def _argument_events(at: Json, item: Json) -> Iterator[Json]:
    kind = "response.function_call_arguments"
    for piece in pieces(item["arguments"]):
        yield {"type": f"{kind}.delta", **at, "delta": piece}
    yield {"type": f"{kind}.done", **at, "name": item["name"], "arguments": item["arguments"]}


def _usage(tokens: Tokens) -> dict[str, Any]:
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {
            "cached_tokens": tokens.cached,
            "cache_write_tokens": tokens.cache_write,
        },
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.total,
    }
