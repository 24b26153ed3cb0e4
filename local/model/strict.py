"""Owns the checks of a raw Responses request: everything a stateless agent must get right.

Some rules are ours rather than OpenAI's (`store` off, ciphertext asked for, no ids): the agent
promised them, and a server that looked away would hide the day it forgets.
"""

import base64
import binascii
import re
from typing import Any

from local.model import reasoning, schemas
from local.model.refusal import Json, Refusal, require

_PARAMETERS = {
    "model", "instructions", "input", "tools", "tool_choice", "parallel_tool_calls", "store",
    "include", "reasoning", "text", "max_output_tokens", "prompt_cache_key", "safety_identifier",
    "stream", "stream_options", "background", "metadata", "service_tier",
    "truncation", "max_tool_calls",
}  # fmt: skip
_SAMPLING = ("temperature", "top_p")
_STORED = ("previous_response_id", "conversation")
_ITEM_FIELDS = {
    "message": {"type", "role", "content", "phase"},
    "function_call": {"type", "call_id", "name", "arguments"},
    "function_call_output": {"type", "call_id", "output"},
    "reasoning": {"type", "summary", "content", "encrypted_content"},
}
_ROLES = {"user", "assistant", "developer", "system"}
_IMAGE_FIELDS = {"type", "image_url", "file_id", "detail"}
_DETAILS = {"low", "high", "auto", "original"}
_DATA_URL = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,(.*)", re.DOTALL)
_MAGIC = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
_EFFORTS = {None, "minimal", "low", "medium", "high", "xhigh", "max"}
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def check(body: Json) -> None:
    """Raises Refusal naming the first offence."""
    check_parameters(body)
    check_tools(body.get("tools") or [])
    _check_format((body.get("text") or {}).get("format"))
    items = body.get("input")
    require(isinstance(items, list) and items, "input must be a non-empty list of items.", "input")
    check_items(items or [])


def check_parameters(body: Json) -> None:
    refuse_sampling(body)
    for name in _STORED:
        if name in body:
            raise Refusal(f"{name} is set: send the whole input instead.", param=name)
    for name in body:
        require(
            name in _PARAMETERS, f"Unknown parameter: '{name}'.", name, code="unknown_parameter"
        )
    if body.get("background"):
        require(body.get("store") is True, "background=true requires store=true.", "store")
        require(not body.get("stream"), "stream: ask for the answer by its id instead.", "stream")
    else:
        require(body.get("store") is False, "store must be false.", "store")
    check_short_keys(body)
    asked = body.get("include") or []
    wanted = "reasoning.encrypted_content"
    require(wanted in asked, f"include must contain '{wanted}'.", "include")
    effort = (body.get("reasoning") or {}).get("effort")
    require(effort in _EFFORTS, f"Unsupported value: {effort!r}.", "reasoning.effort")


def check_short_keys(body: Json) -> None:
    for name in ("prompt_cache_key", "safety_identifier"):
        length = len(body.get(name) or "")
        message = f"Invalid '{name}': string too long. Expected a string with maximum length 64,"
        code = "string_above_max_length"
        require(
            length <= 64, f"{message} but got a string with length {length} instead.", name, code
        )


def refuse_sampling(body: Json) -> None:
    for name in _SAMPLING:
        if name in body:
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            raise Refusal(message, param=name, code="unsupported_parameter")


def check_tools(tools: list[Any]) -> None:
    seen: set[str] = set()
    for i, tool in enumerate(tools):
        at = f"tools[{i}]"
        require(isinstance(tool, dict), f"{at} must be an object.", at)
        kind, name = tool.get("type"), tool.get("name")
        require(kind == "function", f"{at}.type must be 'function', not {kind!r}.", f"{at}.type")
        ok = isinstance(name, str) and _TOOL_NAME.fullmatch(name)
        require(ok, f"{at}.name {name!r} is not a valid name.", f"{at}.name")
        require(name not in seen, f"{at}.name {name!r} is used twice.", f"{at}.name")
        seen.add(name)
        require(tool.get("strict") is True, f"{at}.strict must be true.", f"{at}.strict")
        schemas.check(tool.get("parameters"), f"function '{name}'", f"{at}.parameters")


def _check_format(given: Json | None) -> None:
    if given is None or given.get("type") == "text":
        return
    require(given.get("type") == "json_schema", "text.format.type is unknown.", "text.format")
    check_named_schema(given, "text.format")


def check_named_schema(given: Json, at: str) -> None:
    name = given.get("name")
    ok = isinstance(name, str) and _TOOL_NAME.fullmatch(name)
    require(ok, f"{at}.name {name!r} is not a valid name.", f"{at}.name")
    require(given.get("strict") is True, f"{at}.strict must be true.", f"{at}.strict")
    schemas.check(given.get("schema"), f"response_format '{name}'", f"{at}.schema")


def check_items(items: list[Any]) -> None:
    for i, item in enumerate(items):
        _check_item(item, f"input[{i}]")
    _check_pairs(items)
    _check_reasoning(items)


def _check_item(item: Any, at: str) -> None:
    require(isinstance(item, dict), f"{at} must be an object.", at)
    kind = item.get("type", "message")
    fields = _ITEM_FIELDS.get(kind)
    if fields is None:
        raise Refusal(f"{at}.type {kind!r} is not an item this agent uses.", param=f"{at}.type")
    if "id" in item:
        message = f"Item with id '{item['id']}' not found. Items are not persisted when `store`"
        raise Refusal(f"{message} is set to false.", param=f"{at}.id")
    for name in item:
        code = "unknown_parameter"
        require(name in fields, f"Unknown parameter: '{at}.{name}'.", f"{at}.{name}", code)
    if kind == "message":
        _check_message(item, at)
    elif kind != "reasoning":
        for name in fields - {"type"}:
            ok = isinstance(item.get(name), str)
            require(ok, f"Missing required parameter: '{at}.{name}'.", f"{at}.{name}")
        if kind == "function_call":
            message = f"Invalid '{at}.name': string does not match pattern."
            require(_TOOL_NAME.fullmatch(item["name"]), message, f"{at}.name", "invalid_value")


def _check_message(item: Json, at: str) -> None:
    role, content = item.get("role"), item.get("content")
    require(role in _ROLES, f"{at}.role {role!r} is unknown.", f"{at}.role")
    if isinstance(content, str):
        return
    require(isinstance(content, list) and content, f"{at}.content is empty.", f"{at}.content")
    wanted = {"output_text", "refusal"} if role == "assistant" else {"input_text", "input_image"}
    for j, part in enumerate(content or []):
        kind = part.get("type") if isinstance(part, dict) else None
        at_part = f"{at}.content[{j}]"
        require(kind in wanted, f"{at_part}.type {kind!r} does not fit role {role!r}.", at_part)
        if kind == "input_image":
            _check_image(part, at_part)


def _check_image(part: Json, at: str) -> None:
    """A reference that nobody resolved is refused as the unknown field it is."""
    for name in part:
        code = "unknown_parameter"
        require(name in _IMAGE_FIELDS, f"Unknown parameter: '{at}.{name}'.", f"{at}.{name}", code)
    require(part.get("detail", "auto") in _DETAILS, f"{at}.detail is unknown.", f"{at}.detail")
    given = part.get("image_url")
    require("file_id" not in part, f"{at}.file_id: no file was uploaded.", f"{at}.file_id")
    ok = isinstance(given, str) and given
    require(ok, f"Missing required parameter: '{at}.image_url'.", f"{at}.image_url")
    check_image_url(str(given), f"{at}.image_url")


def check_image_url(url: str, at: str) -> None:
    """An address to fetch, or the image itself, whose bytes are what the URL says they are."""
    if url.startswith("https://"):
        return
    match = _DATA_URL.fullmatch(url)
    code = "invalid_image_url"
    require(match, f"Invalid '{at}': expected an https URL or a base64 data URL.", at, code)
    kind, encoded = match.groups() if match else ("", "")
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        data = b""
    is_image = data.startswith(_MAGIC.get(kind, ())) and (
        kind != "image/webp" or b"WEBP" in data[8:12]
    )
    message = "The image data you provided does not represent a valid image."
    require(is_image, message, at, "invalid_image_format")


def _check_pairs(items: list[Json]) -> None:
    """Each call is answered exactly once, and by an output that comes after it."""
    open_calls: set[str] = set()
    seen: set[str] = set()
    for i, item in enumerate(items):
        call_id = item.get("call_id", "")
        if item.get("type") == "function_call":
            require(call_id not in seen, f"input[{i}]: duplicate call_id {call_id}.", "input")
            open_calls.add(call_id)
            seen.add(call_id)
        elif item.get("type") == "function_call_output":
            message = f"No tool call found for function call output with call_id {call_id}."
            require(call_id in open_calls, message, "input")
            open_calls.discard(call_id)
    missing = min(open_calls, default=None)
    require(missing is None, f"No tool output found for function call {missing}.", "input")


def _check_reasoning(items: list[Json]) -> None:
    """Ciphertext is intact, and none is left without what it led to."""
    for i, item in enumerate(items):
        if item.get("type") != "reasoning":
            continue
        reasoning.check(item.get("encrypted_content"))
        following = items[i + 1] if i + 1 < len(items) else {}
        ok = following.get("type") == "function_call" or following.get("role") == "assistant"
        message = f"input[{i}]: reasoning was provided without its required following item."
        require(ok, message, "input")
