"""Owns how much one answer may be: what a server sends, what a turn keeps, how long it may take.

A server that floods, or a model that babbles, costs one bounded call and never the process, the
journal or the history.
"""

from typing import Any

from agent.llm.types import LLMRetry, Turn, Usage

OUTPUT_TOKENS = 32_000
"""Asked for as the most of one answer where the request names no other bound, reasoning
included."""
CALL_SECONDS = 900.0
"""Longest one streamed answer may take; longer reasoning is for background mode."""
WIRE_BYTES = 32 << 20
"""Most that is read of one HTTP answer: twice what `OUTPUT_TOKENS` take with the frames around
each."""
ANSWER_CHARS = 1_000_000
"""Most text, reasoning and arguments of one answer."""
ARGUMENT_CHARS = 512 * 1024
"""Most arguments of one tool call."""
_CHARS_PER_TOKEN = 3.5


class Flood(LLMRetry):
    """The server sends more than any answer can be."""

    def __init__(self) -> None:
        super().__init__("The model's server sends more than an answer can be.")


class Meter:
    """Counts the pieces of one answer. `take` raises Flood once they are more than an answer."""

    def __init__(self) -> None:
        self._chars = 0

    def take(self, piece: Any) -> None:
        self._chars += len(piece) if isinstance(piece, str) else 0
        if self._chars > ANSWER_CHARS:
            raise Flood


def cut_turn(model: str, *, request_id: str | None, ms: int) -> Turn:
    """What is kept of a flood: that the answer was cut. Its tokens are estimated, because the
    server's count never came."""
    usage = Usage(output=round(ANSWER_CHARS / _CHARS_PER_TOKEN))
    return Turn(items=[], stop="max_tokens", model=model, request_id=request_id, usage=usage, ms=ms)
