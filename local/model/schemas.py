"""Owns the rules a JSON schema must follow to be used strictly, as OpenAI enforces them."""

from typing import Any

from local.model.refusal import Refusal

_REFUSED = ("default", "oneOf", "allOf", "patternProperties", "unevaluatedProperties")


def check(schema: Any, owner: str, param: str) -> None:
    """Raises Refusal. `owner` is named in the message, for example "function 'shell'"."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise _refusal(owner, param, "()", "the root must be an object schema")
    _walk(schema, owner, param, ())


def _walk(schema: Any, owner: str, param: str, path: tuple[str, ...]) -> None:
    context = f"({', '.join(path)})"
    if not isinstance(schema, dict):
        raise _refusal(owner, param, context, "a schema must be a JSON object")
    for keyword in _REFUSED:
        if keyword in schema:
            raise _refusal(owner, param, context, f"'{keyword}' is not permitted")
    kind = schema.get("type")
    if "properties" in schema or kind == "object" or (isinstance(kind, list) and "object" in kind):
        _check_object(schema, owner, param, context)
    for name, inner in (schema.get("properties") or {}).items():
        _walk(inner, owner, param, (*path, "properties", name))
    for name, inner in (schema.get("$defs") or {}).items():
        _walk(inner, owner, param, (*path, "$defs", name))
    for i, inner in enumerate(schema.get("anyOf") or []):
        _walk(inner, owner, param, (*path, "anyOf", str(i)))
    if kind == "array" or "items" in schema:
        _walk(schema.get("items"), owner, param, (*path, "items"))


def _check_object(schema: dict[str, Any], owner: str, param: str, context: str) -> None:
    if schema.get("additionalProperties") is not False:
        reason = "'additionalProperties' is required to be supplied and to be false"
        raise _refusal(owner, param, context, reason)
    properties = set(schema.get("properties") or {})
    required = set(schema.get("required") or [])
    if missing := sorted(properties - required):
        reason = f"'required' must name every property; missing '{missing[0]}'"
        raise _refusal(owner, param, context, reason)
    if extra := sorted(required - properties):
        reason = f"'required' names '{extra[0]}', which is not a property"
        raise _refusal(owner, param, context, reason)


def _refusal(owner: str, param: str, context: str, reason: str) -> Refusal:
    message = f"Invalid schema for {owner}: In context={context}, {reason}."
    return Refusal(message, param=param, code="invalid_json_schema")
