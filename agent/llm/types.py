"""Owns the words of a model call: what is asked, what came back, and how it can fail.

A `Turn` is the whole journal entry of one call, so it holds plain JSON and never an SDK object:
the SDK's own models refuse to read back some answers they parsed happily. History is a list of
Responses items on every API; the backends convert at the edge.
"""

import hashlib
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

Json = dict[str, Any]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Usage(_Value):
    """Tokens of one call as the server counted them."""

    input: int = 0
    """All input tokens, the cached and newly cached ones included."""
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    """All output tokens, reasoning included."""
    reasoning: int = 0


class ToolCall(_Value):
    call_id: str
    name: str
    raw: str
    """The arguments as the model wrote them, maybe not JSON: parse late, report errors to the
    model."""


Stop = Literal["end", "tools", "max_tokens", "filtered", "failed"]


class Turn(_Value):
    """One answer of the model. Journal it as `model_dump(mode="json", exclude_defaults=True)`."""

    items: list[Json]
    """What to append to the history, as it is. Empty unless `stop` is "end" or "tools": half a
    turn in the history (a call without output, reasoning without what followed) would be
    refused for ever after."""
    text: str = ""
    refusal: str | None = None
    stop: Stop
    error: str | None = None
    """Why, when `stop` is "failed"."""
    model: str
    """The model that answered, as the server names it."""
    response_id: str | None = None
    request_id: str | None = None
    usage: Usage = Usage()
    cost_usd: float | None = None
    """Filled in by `pricing.charged` when the call is made; None when the price is not known."""
    assumed_usd: float = 0.0
    """What a call without a known price is taken to cost."""
    ms: int = 0

    @property
    def calls(self) -> list[ToolCall]:
        """Those among the items; a journal holds them once."""
        return [
            ToolCall(call_id=i["call_id"], name=i["name"], raw=i["arguments"])
            for i in self.items
            if i.get("type") == "function_call"
        ]


class Request(_Value):
    model: str
    instructions: str
    items: list[Json]
    tools: list[Json] = []
    """Function tools in the flat Responses form, with strict schemas."""
    json_schema: Json | None = None
    """Strict schema the answer's text must follow."""
    schema_name: str | None = None
    effort: str | None = None
    max_output_tokens: int | None = None
    cache_key: str | None = None
    """Calls with one key share their prompt cache; the provider gets a hash of it."""
    user_hash: str | None = None
    """`user_hash(...)` of who asked, for the provider's abuse checks."""
    parallel: bool = True


def user_hash(*person: str) -> str:
    """A stable name of a person that tells nobody who it is, say of a team's and a user's id."""
    return hashlib.sha256("\0".join(person).encode()).hexdigest()


def without_reasoning(items: list[Json]) -> list[Json]:
    """The history for another model than the one that reasoned: its ciphertext says nothing to
    others."""
    return [item for item in items if item.get("type") != "reasoning"]


class LLMError(Exception):
    """A call without an answer; the message is one sentence a person can act on."""


class LLMRetry(LLMError):
    """Transient: the same call may work later; after `after` seconds, when the server said so.
    `limited`: it was refused because too many calls or tokens came lately."""

    def __init__(self, message: str, after: float | None = None, *, limited: bool = False) -> None:
        super().__init__(message)
        self.after = after
        self.limited = limited


FatalCode = Literal["auth", "forbidden", "quota", "model_or_url", "bad_request", "context_overflow"]


class LLMFatal(LLMError):
    """The same call will never work; `code` says whose move it is."""

    def __init__(self, message: str, code: FatalCode) -> None:
        super().__init__(message)
        self.code: FatalCode = code


class LLMContextOverflow(LLMFatal):
    """The history does not fit the model's window: compact it and ask again."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "context_overflow")


class LLM(Protocol):
    async def turn(self, req: Request) -> Turn:
        """Ask once. Raises LLMRetry, LLMFatal or LLMContextOverflow; never retries a failure
        itself."""
        ...

    async def aclose(self) -> None: ...
