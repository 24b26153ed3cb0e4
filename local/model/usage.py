"""Owns the token counts the scripted model reports: plausible ones, at four bytes per token."""

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from local.model.reply import Reply

_BYTES_PER_TOKEN = 4
_SMALLEST_CACHED = 1024
_REMEMBERED = 256


@dataclass(frozen=True)
class Tokens:
    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int

    @property
    def total(self) -> int:
        return self.input + self.output


class Meter:
    """Counts, and remembers the prefixes of recent requests to tell which part would be cached."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, list[int]] = OrderedDict()

    def count(self, cache_key: str, blocks: Sequence[Any], reply: Reply) -> Tokens:
        """`blocks` are the parts of the request in order: instructions, tools, each item."""
        texts = [json.dumps(block, ensure_ascii=False) for block in blocks]
        sizes = [len(text.encode()) // _BYTES_PER_TOKEN for text in texts]
        shared = self._shared(cache_key, [hash(text) for text in texts])
        total = sum(sizes)
        cached = sum(sizes[:shared]) // 128 * 128
        cached = cached if cached >= _SMALLEST_CACHED else 0
        write = total - cached if total >= _SMALLEST_CACHED else 0
        reasoning = 64 + len(reply.thinking) // 2 if reply.thinking else 0
        said = reply.text + reply.refusal + "".join(c.name + c.arguments for c in reply.calls)
        output = reasoning + len(said.encode()) // _BYTES_PER_TOKEN + 8
        return Tokens(total, cached, write, output, reasoning)

    def _shared(self, cache_key: str, prints: list[int]) -> int:
        before = self._seen.pop(cache_key, [])
        self._seen[cache_key] = prints
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        shared = 0
        for old, new in zip(before, prints, strict=False):
            if old != new:
                break
            shared += 1
        return shared
