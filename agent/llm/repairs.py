"""Owns what is put right in an answer before it enters the history, where one item that a server
refuses would be refused on every turn after.

Models write names that are none, servers number calls alike or send half a letter. What a repair
leaves wrong (arguments that are not JSON, a tool nobody has) the model is told as a tool's result.
"""

import json
import logging
import re
import secrets
from collections.abc import Iterable
from typing import Any

from agent.llm import bounds
from agent.llm.types import Json, ToolCall, Turn

log = logging.getLogger(__name__)

_ITEMS = {"message", "function_call", "reasoning"}
_NAME_CHARS = 64
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_SHOWN_CHARS = 200


def repaired(turn: Turn, history: Iterable[Json]) -> Turn:
    """The turn as the journal can hold it and the next request may send it.

    Args:
        history: what the answer was asked with; no call is named as one of its calls.
    """
    items = _well_placed([_whole(item) for item in turn.items if _is_known(item)])
    taken = {str(item["call_id"]) for item in history if item.get("type") == "function_call"}
    for i, item in enumerate(items):
        if item["type"] == "function_call":
            call = _call(item, taken)
            items[i] = {**item, "call_id": call.call_id, "name": call.name, "arguments": call.raw}
    put_right = {
        "items": items,
        "text": _whole(turn.text),
        "refusal": _whole(turn.refusal),
        "error": _whole(turn.error),
    }
    if _size(items) + (0 if items else len(turn.text)) > bounds.ANSWER_CHARS:
        text = put_right["text"][: bounds.ARGUMENT_CHARS]
        put_right |= {"items": [], "text": text, "stop": "max_tokens"}
    return turn.model_copy(update=put_right)


def argument_text(given: Any) -> str:
    """Arguments as text: some servers send the object itself, or nothing for no arguments."""
    if isinstance(given, str):
        return given
    return "" if given is None else json.dumps(given, ensure_ascii=False)


def new_call_id() -> str:
    return f"call_{secrets.token_hex(12)}"


def _is_known(item: Json) -> bool:
    known = item.get("type") in _ITEMS
    if not known:
        log.warning("left out an item of type %r: nobody asked for it", item.get("type"))
    return known


def _well_placed(items: list[Json]) -> list[Json]:
    """Without empty messages, and without reasoning that led to nothing."""
    kept = [i for i in items if i["type"] != "message" or i.get("content")]
    while kept and kept[-1]["type"] == "reasoning":
        kept.pop()
    return kept


def _call(item: Json, taken: set[str]) -> ToolCall:
    call_id = str(item.get("call_id") or "")
    if not call_id or call_id in taken:
        call_id = new_call_id()
    taken.add(call_id)
    name = _NOT_IN_NAMES.sub("_", str(item["name"]))[:_NAME_CHARS] or "unnamed"
    return ToolCall(call_id=call_id, name=name, raw=_fit(argument_text(item["arguments"])))


def _fit(arguments: str) -> str:
    if len(arguments) <= bounds.ARGUMENT_CHARS:
        return arguments
    return f"{arguments[:_SHOWN_CHARS]}… (cut: {len(arguments)} characters are too many)"


def _whole(value: Any) -> Any:
    """`value` with the halves of letters that came apart joined again: no journal takes them."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    return [_whole(inner) for inner in value] if isinstance(value, list) else value


def _size(value: Any) -> int:
    """Characters of all the text in it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list) else 0
