"""Owns reading what a Web API call was given, in every form Slack accepts.

Query string, form, multipart or JSON; structures as JSON or as a JSON-encoded string.
"""

import json
from dataclasses import dataclass

from aiohttp import web

from local.slack.errors import SlackError
from local.slack.state import Json

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True)
class Arguments:
    """The named values of one call. Nulls count as absent."""

    values: Json
    warnings: tuple[str, ...] = ()

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        raise SlackError("invalid_arguments", [f"must provide a string [json-pointer:/{name}]"])

    def required(self, name: str, error: str = "invalid_arguments") -> str:
        """Raises SlackError with the word the method has for the missing value."""
        value = self.text(name)
        if value:
            return value
        if error != "invalid_arguments":
            raise SlackError(error)
        raise SlackError(error, [f"missing required field: {name}"])

    def flag(self, name: str) -> bool:
        return self.values.get(name) in (True, 1, "1", "true", "True")

    def integer(self, name: str, default: int, error: str = "invalid_arguments") -> int:
        value = self.text(name)
        if value is None:
            return default
        if not value.isdecimal():
            raise SlackError(error)
        return int(value)

    def structure(self, name: str, error: str = "invalid_arguments") -> object:
        """A JSON value, given as itself or as a string holding it; None when absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError as broken:
            raise SlackError(error) from broken


async def read_arguments(request: web.Request) -> Arguments:
    """Raises SlackError when the body cannot be read as what it says it is."""
    values: Json = dict(request.query)
    warnings: tuple[str, ...] = ()
    if request.method == "POST" and request.can_read_body:
        if request.content_type == "application/json":
            values |= _json_object(await request.text())
            warnings = () if request.charset else ("missing_charset",)
        elif request.content_type in _FORMS:
            values |= {k: v for k, v in (await request.post()).items() if isinstance(v, str)}
        else:
            raise SlackError("invalid_post_type")
    return Arguments({k: v for k, v in values.items() if v is not None}, warnings)


def _json_object(body: str) -> Json:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise SlackError("invalid_json") from error
    if not isinstance(value, dict):
        raise SlackError("json_not_object")
    return value
