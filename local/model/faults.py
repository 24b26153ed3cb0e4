"""Owns the ways the scripted model can be told to misbehave, as servers and networks really do."""

from collections import deque
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict

from local.model.refusal import Refusal
from local.model.reply import Call, Reply, new_id

Kind = Literal[
    # instead of an answer
    "status",
    "insufficient_quota",
    "context_length_exceeded",
    "unverifiable_reasoning",
    "html",
    "error_page",
    # while the answer is streamed
    "drop",
    "truncate",
    "stall",
    "broken_json",
    "error_event",
    "nested_error_event",
    "flood",
    "endless_line",
    "drip",
    # in the answer itself
    "malformed_arguments",
    "huge_arguments",
    "unknown_tool",
    "refusal",
    "incomplete",
    "failed",
    "empty",
]

STREAM_FAULTS = {
    "drop", "truncate", "stall", "broken_json", "error_event", "nested_error_event",
    "flood", "endless_line", "drip",
}  # fmt: skip


class Fault(BaseModel):
    """One kind of trouble for the next `times` requests that contain `match`."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    times: int = 1
    match: str = ""
    """Only requests whose raw body contains this text; empty: any."""
    status: int = 500
    retry_after: str | None = None
    """Value of the Retry-After header."""
    code: str | None = None
    message: str = "The scripted model was told to fail."
    after_frames: int | None = None
    """Frames sent before the stream fails; None: all but the last."""

    def refuse(self) -> None:
        """Raises Refusal for the kinds that answer with an error."""
        match self.kind:
            case "status":
                headers = {"retry-after": self.retry_after} if self.retry_after else {}
                kind = "server_error" if self.status >= 500 else "invalid_request_error"
                raise Refusal(self.message, self.status, kind, self.code, headers=headers)
            case "insufficient_quota":
                message = "You exceeded your current quota, please check your plan and billing."
                raise Refusal(message, 429, self.kind, self.code or self.kind)
            case "context_length_exceeded":
                raise Refusal("Your input exceeds the context window.", 400, code=self.kind)
            case "unverifiable_reasoning":
                message = "The encrypted content of a reasoning item could not be verified."
                raise Refusal(message, code="invalid_encrypted_content")

    def alter(self, reply: Reply) -> Reply:
        """The reply with the trouble in it."""
        match self.kind:
            case "malformed_arguments":
                name = reply.calls[0].name if reply.calls else "shell"
                return replace(reply, calls=(Call(name, '{"command": "ls', _call_id()),))
            case "huge_arguments":
                huge = '{"command": "' + "x" * 600_000 + '"}'
                return replace(reply, calls=(Call("shell", huge, _call_id()),))
            case "unknown_tool":
                return replace(reply, calls=(Call("teleport", '{"to": "prod"}', _call_id()),))
            case "refusal":
                return Reply(refusal="I can't help with that. (scripted demo model)")
            case "incomplete":
                return _cut(reply, self.code or "max_output_tokens")
            case "failed":
                return Reply(failed=self.code or "server_error")
            case "empty":
                return Reply()
        return reply


class Faults:
    """Troubles waiting for their request, first come first served."""

    def __init__(self) -> None:
        self._waiting: deque[Fault] = deque()

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault.model_copy())

    def take(self, raw_body: str, *, named: bool = False) -> Fault | None:
        """`named`: only one whose `match` is not empty."""
        for fault in self._waiting:
            if fault.match in raw_body and (fault.match or not named):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        self._waiting.clear()


def _cut(reply: Reply, reason: str) -> Reply:
    """The first half of it, as when the output limit is reached."""
    calls = tuple(replace(c, arguments=c.arguments[: len(c.arguments) // 2]) for c in reply.calls)
    return replace(reply, text=reply.text[: len(reply.text) // 2], calls=calls, incomplete=reason)


def _call_id() -> str:
    return new_id("call_fault")  # scripts do not count these turns
