"""Owns the conversation of one step: whole turns, appended in order, kept below the model's window.

Everything here is a pure function of journaled values, so a replay rebuilds the same requests. The
beginning never changes while there is room: the provider's cache lives on exact prefixes.
"""

import json
from dataclasses import dataclass, field

from agent.llm import Usage, without_reasoning
from agent.transcript import Item, tool_output, user

BYTES_PER_TOKEN = 3.5
"""Measured on Python code: 3.42."""
FULL_SHARE = 0.7
"""Of the window: from here on a conversation is made smaller."""
OUTPUTS_KEPT = 6
"""The newest outputs that are kept whole."""
TURNS_KEPT = 2
"""The newest turns that a summary leaves as they are."""
STUB_BYTES = 400


@dataclass
class _Turn:
    items: list[Item]
    outputs: list[Item] = field(default_factory=list)
    """One for each call, and words of ours."""


class Conversation:
    """
    Args:
        opening: what the step begins with; it is never left out.
        window_tokens: most that a request should hold.
    """

    def __init__(self, opening: list[Item], window_tokens: int) -> None:
        self._opening = opening
        self._window = window_tokens
        self._turns: list[_Turn] = []
        self._tokens = 0.0
        """Of the next request, as far as it is known."""
        self._items = list(opening)

    @property
    def items(self) -> list[Item]:
        """The next request's input. Not to be changed."""
        return self._items

    @property
    def is_full(self) -> bool:
        return self._tokens > self._window * FULL_SHARE

    def add_turn(self, items: list[Item], usage: Usage) -> None:
        """An answer of the model; its calls' outputs follow."""
        self._turns.append(_Turn(items))
        self._items.extend(items)
        self._tokens = usage.input + usage.output or self._estimate()

    def add_output(self, call_id: str, text: str) -> None:
        self._append(tool_output(call_id, text))

    def add_note(self, text: str) -> None:
        """Words of ours to the model."""
        self._append(user(text))

    def _append(self, item: Item) -> None:
        if not self._turns:
            self._turns.append(_Turn([]))
        self._turns[-1].outputs.append(item)
        self._items.append(item)
        self._tokens += _bytes(item) / BYTES_PER_TOKEN

    def drop_reasoning(self) -> None:
        """Another model cannot read it."""
        for turn in self._turns:
            turn.items = without_reasoning(turn.items)
        self._rebuild()

    def drop_old_outputs(self) -> None:
        """Replace all but the newest outputs by a line that says how to see them again."""
        outputs = [
            (turn, at)
            for turn in self._turns
            for at, item in enumerate(turn.outputs)
            if item.get("type") == "function_call_output"
        ]
        for turn, at in outputs[:-OUTPUTS_KEPT]:
            turn.outputs[at] = _stub(turn.outputs[at])
        before, counted = self._estimate(), self._tokens
        self._rebuild()
        self._tokens += counted - before  # what the server counted beyond our estimate still holds

    def to_summarise(self, share: float = 1.0) -> list[Item]:
        """What a summary replaces, the newest `share` of it where it does not fit as a whole."""
        old = self._turns[:-TURNS_KEPT]
        kept = old[round(len(old) * (1 - share)) :]
        return [*self._opening, *_flat(kept)]

    def replace_by_summary(self, summary: str) -> None:
        """Go on with the opening, the summary, and the newest turns as they are."""
        told = user(f"# What you did so far in this step\n{summary}")
        self._turns = [_Turn([], [told]), *self._turns[-TURNS_KEPT:]]
        self._rebuild()

    @property
    def can_be_summarised(self) -> bool:
        return len(self._turns) > TURNS_KEPT + 1

    def _rebuild(self) -> None:
        self._items = [*self._opening, *_flat(self._turns)]
        self._tokens = self._estimate()

    def _estimate(self) -> float:
        return sum(map(_bytes, self._items)) / BYTES_PER_TOKEN


def _flat(turns: list[_Turn]) -> list[Item]:
    return [item for turn in turns for item in (*turn.items, *turn.outputs)]


def _bytes(item: Item) -> int:
    """Ciphertext counts for little: its length says nothing of its tokens."""
    if item.get("type") == "reasoning":
        return 0
    return len(json.dumps(item, ensure_ascii=False).encode())


def _stub(item: Item) -> Item:
    text = str(item["output"])
    if len(text) <= STUB_BYTES:
        return item
    try:
        data = json.loads(text)
    except ValueError:
        data = {}
    kept = {key: data[key] for key in ("ok", "error", "exit_code", "path", "log") if key in data}
    kept["note"] = "Left out to save room. Read the file or the log again if you need it."
    return {**item, "output": json.dumps(kept, ensure_ascii=False)}
