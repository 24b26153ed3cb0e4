"""Owns the Chat Completions API of the scripted model: its checks, its way in and its way out.

A request is turned into Responses items, so that scenarios read one shape only.
"""

import time
from collections.abc import Iterator
from typing import Any

from local.model import strict
from local.model.frames import Frame, frame, pieces
from local.model.refusal import Json, require
from local.model.reply import MODEL_NAME, Reply, new_id
from local.model.usage import Tokens

_LIMITS = ("max_tokens", "max_completion_tokens")


def to_responses(body: Json) -> Json:
    """The request in the form scenarios read. Raises Refusal when it breaks a rule of Chat."""
    strict.refuse_sampling(body)
    require(not all(n in body for n in _LIMITS), f"Set one of {_LIMITS}, not both.", _LIMITS[0])
    messages = body.get("messages")
    require(isinstance(messages, list) and messages, "messages must be a non-empty list.")
    tools = [_flat(tool) for tool in body.get("tools") or []]
    strict.check_tools(tools)
    text = _format(body.get("response_format"))
    instructions: list[str] = []
    items: list[Json] = []
    for i, message in enumerate(messages or []):
        _read(message, f"messages[{i}]", instructions, items)
    strict.check_items(items)
    joined = "\n\n".join(instructions)
    return {"instructions": joined, "input": items, "tools": tools, "text": text}


def _flat(tool: Any) -> Any:
    nested = tool.get("function") if isinstance(tool, dict) else None
    require(isinstance(nested, dict), "tools: each needs a 'function' object.", "tools")
    return {"type": tool.get("type"), **(nested or {})}


def _format(given: Json | None) -> Json:
    if given is None or given.get("type") == "text":
        return {}
    inner = given.get("json_schema")
    at = "response_format.json_schema"
    require(given.get("type") == "json_schema" and isinstance(inner, dict), f"{at} is missing.", at)
    strict.check_named_schema(inner or {}, at)
    return {"format": {"type": "json_schema", **(inner or {})}}


def _read(message: Json, at: str, instructions: list[str], items: list[Json]) -> None:
    role, content = message.get("role"), message.get("content")
    if role in ("system", "developer"):
        instructions.append(str(content))
    elif role == "tool":
        call_id = message.get("tool_call_id")
        items.append({"type": "function_call_output", "call_id": call_id, "output": content})
    elif role in ("user", "assistant"):
        calls = message.get("tool_calls") or []
        require(content or calls, f"{at}.content is empty.", f"{at}.content")
        if isinstance(content, list):
            content = [_part(part, role, f"{at}.content[{i}]") for i, part in enumerate(content)]
        if content:
            items.append({"type": "message", "role": role, "content": content})
        items += ({"type": "function_call", "call_id": c["id"], **c["function"]} for c in calls)
    else:
        require(False, f"{at}.role {role!r} is unknown.", f"{at}.role")


def _part(part: Any, role: str, at: str) -> Json:
    """A content part in Responses form."""
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text":
        text = part.get("text")
        require(isinstance(text, str), f"Missing required parameter: '{at}.text'.", at)
        return {"type": "output_text" if role == "assistant" else "input_text", "text": text}
    require(kind == "image_url" and role == "user", f"{at}.type {kind!r} is not known here.", at)
    require(set(part) == {"type", "image_url"}, f"{at} has unknown fields.", at)
    image = part["image_url"]
    ok = isinstance(image, dict) and "url" in image and set(image) <= {"url", "detail"}
    require(ok, f"{at}.image_url must be an object with a url.", at)
    return {"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")}


def answer(_: Json, reply: Reply, tokens: Tokens) -> Json:
    message = {
        "role": "assistant",
        "content": reply.text or None,
        "refusal": reply.refusal or None,
        **({"tool_calls": _tool_calls(reply)} if reply.calls else {}),
    }
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply), "logprobs": None}
    return {**_head("chat.completion"), "choices": [choice], "usage": _usage(tokens)}


def stream(request: Json, reply: Reply, tokens: Tokens) -> Iterator[Frame]:
    head = _head("chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> Frame:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return frame({**head, "choices": [choice]}, last=bool(finish), pause=bool(delta))

    yield chunk({"role": "assistant", "content": None})
    for key, text in (("content", reply.text), ("refusal", reply.refusal)):
        for piece in pieces(text):
            yield chunk({key: piece})
    for index, call in enumerate(_tool_calls(reply)):
        arguments = call["function"].pop("arguments")
        call["function"]["arguments"] = ""
        yield chunk({"tool_calls": [{"index": index, **call}]})
        for piece in pieces(arguments):
            part = {"index": index, "function": {"arguments": piece}}
            yield chunk({"tool_calls": [part]})
    yield chunk({}, _finish(reply))
    if (request.get("stream_options") or {}).get("include_usage"):
        yield frame({**head, "choices": [], "usage": _usage(tokens)}, last=True)
    yield frame("[DONE]", last=True)


def _head(kind: str) -> Json:
    created = int(time.time())
    return {"id": new_id("chatcmpl"), "object": kind, "created": created, "model": MODEL_NAME}


def _finish(reply: Reply) -> str:
    if reply.failed:
        return "error"
    if reply.incomplete:
        return "length" if reply.incomplete == "max_output_tokens" else "content_filter"
    return "tool_calls" if reply.calls else "stop"


def _tool_calls(reply: Reply) -> list[Json]:
    return [
        {
            "id": call.call_id or new_id("call"),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in reply.calls
    ]


def _usage(tokens: Tokens) -> Json:
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.total,
        "prompt_tokens_details": {"cached_tokens": tokens.cached},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }
