"""Owns when a step has gone on for long enough: turns, calls, time, tokens, and running in circles.

Every guard ends in words a person understands. Pure: counts what the loop tells it.
"""

import json
from collections import Counter

from agent import protocol as p
from agent import wording
from agent.config import RunConfig
from agent.llm import ToolCall
from agent.tools.contract import ToolResult

REPEATS_TO_WARN, REPEATS_TO_STOP = 3, 5
CIRCLE_ROUNDS = 4
"""So often two calls may take turns with nothing new coming of it."""
UNREADABLE_CALLS = 3
USELESS_TURNS = 2
_VARYING = ("seconds", "log", "job_id")
"""Parts of a result that differ although nothing does."""


class StepOver(Exception):
    """The step must end; one sentence for people."""

    def __init__(self, sentence: str, outcome: p.StepResultKind = "blocked") -> None:
        super().__init__(sentence)
        self.outcome: p.StepResultKind = outcome


class Guards:
    """Rebuilt by replay."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self.turns = 0
        self._calls = 0
        self._useless = 0
        self._unreadable = 0
        self._seen: Counter[str] = Counter()
        self._marks: list[str] = []

    def begin_turn(self, seconds: float, usage: p.Usage) -> None:
        """Raises StepOver when another turn is one too many.

        Args:
            seconds: spent so far in calls of the model and in commands.
            usage: of the step so far.
        """
        limits = self._config
        if self.turns >= limits.step_turns:
            raise StepOver(f"The step needed more than {limits.step_turns} turns.")
        if seconds > limits.step_seconds:
            raise StepOver(f"The step took longer than {wording.long(limits.step_seconds)}.")
        if usage.input + usage.output > limits.step_tokens:
            raise StepOver(f"The step used more than {limits.step_tokens:,} tokens.")
        self.turns += 1

    def useless_turn(self, why: str, outcome: p.StepResultKind = "blocked") -> None:
        """A turn without a call that could be used. Raises StepOver at the second in a row.

        Args:
            why: the sentence the step would end with.
        """
        self._useless += 1
        if self._useless >= USELESS_TURNS:
            raise StepOver(why, outcome)

    def allow_calls(self, count: int) -> int:
        """How many calls of a turn may still be made."""
        self._useless = 0
        allowed = max(min(count, self._config.step_calls - self._calls), 0)
        self._calls += count
        return allowed

    def no_more_calls(self) -> None:
        """Raises StepOver once more calls were asked for than a step may make."""
        if self._calls > self._config.step_calls:
            raise StepOver(f"The step made more than {self._config.step_calls} tool calls.")

    def after_call(self, call: ToolCall, result: ToolResult) -> ToolResult:
        """The result as the model reads it: with a warning when it goes in circles.

        Raises StepOver when it does so again and again.
        """
        self._count_unreadable(result)
        if call.name == "job" and result.data.get("state") == "running":
            return result  # to wait is no circle
        mark = _mark(call, result)
        self._seen[mark] += 1
        self._marks.append(mark)
        if self._seen[mark] >= REPEATS_TO_STOP:
            raise StepOver(f"The model repeated the same {call.name} call {REPEATS_TO_STOP} times.")
        if self._in_circle():
            raise StepOver(f"The model made the same two calls in turn, {CIRCLE_ROUNDS} times.")
        if self._seen[mark] >= REPEATS_TO_WARN:
            warned = {**result.data, "warning": "Same call, same result: try something else."}
            return ToolResult(ok=result.ok, data=warned)
        return result

    def _count_unreadable(self, result: ToolResult) -> None:
        unreadable = result.data.get("error") in ("bad_arguments", "unknown_tool")
        self._unreadable = self._unreadable + 1 if unreadable else 0
        if self._unreadable >= UNREADABLE_CALLS:
            raise StepOver(
                f"The model wrote {UNREADABLE_CALLS} tool calls in a row that could not be read "
                f"(the last one: {result.data.get('detail', '')})."
            )

    def _in_circle(self) -> bool:
        last = self._marks[-2 * CIRCLE_ROUNDS :]
        return (
            len(last) == 2 * CIRCLE_ROUNDS
            and len(set(last[::2])) == 1
            and len(set(last[1::2])) == 1
            and last[0] != last[1]
        )


def _mark(call: ToolCall, result: ToolResult) -> str:
    data = {key: value for key, value in result.data.items() if key not in _VARYING}
    return json.dumps([call.name, _canonical(call.raw), result.ok, data], sort_keys=True)


def _canonical(raw: str) -> object:
    """Arguments written in another order are the same ones."""
    try:
        return json.loads(raw)
    except ValueError:
        return raw
