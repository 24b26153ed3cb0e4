"""Owns how the scripted model refuses a request: OpenAI's error shape, with a message naming the
offence."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Refusal(Exception):
    """An answer other than 200."""

    message: str
    status: int = 400
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> Json:
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return {"error": error}


def require(truth: object, message: str, param: str | None = None, code: str | None = None) -> None:
    """Raises Refusal with status 400 unless `truth` holds."""
    if not truth:
        raise Refusal(message, param=param, code=code)
