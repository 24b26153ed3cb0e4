"""Owns what both APIs share of a stream: its frames, and how text is cut into pieces."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_PIECES = 40
_SMALLEST = 12


@dataclass(frozen=True)
class Frame:
    """One server-sent event. `last` marks those without which an answer is incomplete."""

    data: bytes
    last: bool = False
    pause: bool = False
    """A piece of an answer; the demo pauses after it."""


def frame(
    value: Any, event: str | None = None, *, last: bool = False, pause: bool = False
) -> Frame:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    head = f"event: {event}\n" if event else ""
    return Frame(f"{head}data: {text}\n\n".encode(), last, pause)


def pieces(text: str) -> Iterator[str]:
    """The text in at most `_PIECES` pieces."""
    size = max(_SMALLEST, -(-len(text) // _PIECES))
    for start in range(0, len(text), size):
        yield text[start : start + size]
