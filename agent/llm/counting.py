"""Owns the count of a call's tokens: as the server told it, put right where it cannot be, estimated
where it told none. Budgets and the window of a conversation live by it.
"""

from typing import Any

from agent.llm.types import Json, Request, Turn, Usage

CHARS_PER_TOKEN = 3.5
_NOT_TEXT = {"image_url", "encrypted_content"}
"""Their length says nothing of their tokens."""


def counted(raw: Any, input_name: str, output_name: str) -> Usage:
    """Every part of it may be missing on compatible servers.

    Args:
        raw: the `usage` of an answer.
        input_name: what its API calls input tokens; the details are beside it.
    """
    raw = raw or {}
    into = raw.get(f"{input_name}_details") or {}
    out = raw.get(f"{output_name}_details") or {}
    cached, written = _number(into.get("cached_tokens")), _number(into.get("cache_write_tokens"))
    return Usage(
        input=_whole_input(_number(raw.get(input_name)), cached + written),
        cached=cached,
        cache_write=written,
        output=_number(raw.get(output_name)),
        reasoning=_number(out.get("reasoning_tokens")),
    )


def with_usage(turn: Turn, asked: Request) -> Turn:
    """The turn, about counted by its length when the server gave no count: it is not free."""
    if turn.usage.input or turn.usage.output:
        return turn
    usage = Usage(input=sent_tokens(asked), output=_tokens(turn.items or turn.text))
    return turn.model_copy(update={"usage": usage})


def sent_tokens(asked: Request) -> int:
    """About how many tokens a request is, by its length."""
    return _tokens([asked.instructions, asked.items, asked.tools, asked.json_schema])


def _whole_input(told: int, part: int) -> int:
    """Some servers count what was cached beside the input."""
    return told if part <= told else told + part


def _number(given: Any) -> int:
    return max(int(given or 0), 0)


def _tokens(value: Any) -> int:
    return round(_characters(value) / CHARS_PER_TOKEN)


def _characters(value: str | list[Any] | Json | None) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(_characters(inner) for name, inner in value.items() if name not in _NOT_TEXT)
    return sum(map(_characters, value)) if isinstance(value, list) else 0
