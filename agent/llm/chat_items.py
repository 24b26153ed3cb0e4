"""Owns how the canonical history (Responses items) is told to a Chat Completions server, and back.

Pure functions. Reasoning is dropped on the way out: Chat has no place for it.
"""

from collections.abc import Iterable

from agent.llm.types import Json, ToolCall


def to_messages(instructions: str, items: Iterable[Json]) -> list[Json]:
    """Chat messages: text and calls of one answer become a single assistant message."""
    messages: list[Json] = [{"role": "system", "content": instructions}]
    for item in items:
        match item.get("type", "message"):
            case "message":
                _add_message(messages, item)
            case "function_call":
                _add_call(messages, item)
            case "function_call_output":
                content = _plain(item["output"])
                messages.append(
                    {"role": "tool", "tool_call_id": item["call_id"], "content": content}
                )
            case "reasoning":
                pass
            case other:
                raise ValueError(
                    f"a history item of type {other!r} cannot be told to a Chat server"
                )
    return messages


def to_tools(tools: Iterable[Json]) -> list[Json]:
    keys = ("name", "description", "parameters", "strict")
    return [
        {"type": "function", "function": {key: tool[key] for key in keys if key in tool}}
        for tool in tools
    ]


def to_items(text: str, refusal: str, calls: Iterable[ToolCall]) -> list[Json]:
    """An assembled answer as history items."""
    content: list[Json] = []
    if text:
        content.append({"type": "output_text", "text": text, "annotations": []})
    if refusal:
        content.append({"type": "refusal", "refusal": refusal})
    items: list[Json] = []
    if content:
        items.append({"type": "message", "role": "assistant", "content": content})
    items += (
        {"type": "function_call", "call_id": c.call_id, "name": c.name, "arguments": c.raw}
        for c in calls
    )
    return items


def _add_message(messages: list[Json], item: Json) -> None:
    role = {"developer": "system"}.get(item["role"], item["role"])
    messages.append({"role": role, "content": _content(item["content"])})


def _add_call(messages: list[Json], item: Json) -> None:
    if messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    messages[-1].setdefault("tool_calls", []).append(
        {
            "id": item["call_id"],
            "type": "function",
            "function": {"name": item["name"], "arguments": item["arguments"]},
        }
    )


def _content(content: str | list[Json]) -> str | list[Json]:
    """Parts only where there is an image: many servers know text alone."""
    if isinstance(content, str) or all(part["type"] != "input_image" for part in content):
        return _plain(content)
    return [_image(p) if p["type"] == "input_image" else _text(p["text"]) for p in content]


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _image(part: Json) -> Json:
    shown = {"url": part["image_url"], "detail": part.get("detail", "auto")}
    return {"type": "image_url", "image_url": shown}


def _plain(content: str | list[Json]) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or part.get("refusal") or "" for part in content)
