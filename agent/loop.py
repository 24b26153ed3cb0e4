"""Owns the loop of one step: ask the model, do what it calls, until it finishes or a limit is hit.

The history lives in memory and is rebuilt from the journal; a turn enters it whole or not at
all, and
every call gets exactly one output before the next request.
"""

import json
from collections import Counter

from agent import model, transcript
from agent import protocol as p
from agent.llm import Request, ToolCall, Turn, priced
from agent.prompts import render
from agent.tools import registry
from agent.tools.contract import Bench, ToolResult, problem
from agent.tools.people import FinishArguments, checks_with_results, unproven

REPEATS_TO_WARN, REPEATS_TO_STOP = 3, 5
EMPTY_TURNS = 2
NUDGE = "Go on with the tools, and end the step with finish_step."


class StepLoop:
    """Drives one step.

    Args:
        bench: what the tools work with.
        items: the opening of the conversation.
        spent_usd: what the task has cost before.
    """

    def __init__(self, bench: Bench, items: list[transcript.Item], spent_usd: float = 0.0) -> None:
        self.bench = bench
        self.items = items
        self._spent_usd = spent_usd
        self.usage = p.Usage()
        self.turns = 0
        self._model_seconds = 0.0
        self._empty = 0
        self._seen: Counter[str] = Counter()

    async def run(self) -> p.StepOutcome:
        """Raises TerminalError when cancelled, or when the model or the sandbox fails for good."""
        while self.turns < self.bench.config.step_turns:
            if self._model_seconds + self.bench.seconds > self.bench.config.step_seconds:
                minutes = self.bench.config.step_seconds // 60
                return self._end("blocked", f"The step took longer than {minutes} minutes.")
            if self._over_budget():
                return self._end("blocked", over_budget(self.bench.config.budget_usd))
            turn = await self._ask()
            outcome = await self._act(turn)
            if outcome is not None:
                return outcome
        return self._end("blocked", f"The step needed more than {self.turns} turns.")

    def _over_budget(self) -> bool:
        """Passed by one call at most. Calls without a known price count as nothing."""
        budget = self.bench.config.budget_usd
        return budget is not None and self._spent_usd + self.usage.known_usd >= budget

    async def _ask(self) -> Turn:
        self.turns += 1
        request = Request(
            model=self.bench.config.model,
            instructions=render("worker"),
            items=self.items,
            tools=list(registry.schemas()),
            effort=self.bench.config.effort,
            cache_key=self.bench.run_id,
        )
        look = self.bench.sandbox.peek
        turn = await model.ask(self.bench.ctx, f"turn {self.turns}", request, look)
        self.usage += priced(turn.usage, turn.model)
        self._model_seconds += turn.ms / 1000
        return turn

    async def _act(self, turn: Turn) -> p.StepOutcome | None:
        """Take the turn in; None means go on."""
        if turn.refusal:
            return self._end("blocked", f"The model refused: {turn.refusal}")
        if turn.stop in ("max_tokens", "filtered", "failed"):
            return self._unusable(turn)
        self.items = [*self.items, *turn.items]
        if not turn.calls:
            return self._no_call(turn)
        self._empty = 0
        finished: p.StepOutcome | None = None
        for number, call in enumerate(turn.calls, 1):
            place = f"turn {self.turns}: call {number}"
            result, outcome = await self._call(call, place, skip=finished is not None)
            self.items = [*self.items, transcript.tool_output(call.call_id, result.as_text())]
            finished = finished or outcome
        return finished

    async def _call(
        self, call: ToolCall, place: str, *, skip: bool
    ) -> tuple[ToolResult, p.StepOutcome | None]:
        if skip:
            return problem("not_run", "The step had ended."), None
        arguments = registry.parse(call)
        if isinstance(arguments, ToolResult):
            return self._repeated(call, arguments)
        if isinstance(arguments, FinishArguments):
            missing = unproven(self.bench, arguments)
            if missing:
                return self._repeated(
                    call,
                    problem(
                        "unproven_check",
                        f"checks: not run in this step: {missing[0]}",
                        "Run it, or leave it out.",
                    ),
                )
            return ToolResult(ok=True), self._finished(arguments)
        result = await registry.execute(self.bench, call, arguments, place)
        return self._repeated(call, result)

    def _repeated(
        self, call: ToolCall, result: ToolResult
    ) -> tuple[ToolResult, p.StepOutcome | None]:
        """Warn, then stop, when the same call gives the same result again and again."""
        data = {key: value for key, value in result.data.items() if key not in ("seconds", "log")}
        mark = json.dumps([call.name, call.raw, result.ok, data], sort_keys=True)
        self._seen[mark] += 1
        if self._seen[mark] >= REPEATS_TO_STOP:
            words = f"The model repeated the same {call.name} call {REPEATS_TO_STOP} times."
            return result, self._end("blocked", words)
        if self._seen[mark] >= REPEATS_TO_WARN:
            warned = {**result.data, "warning": "Same call, same result: try something else."}
            return ToolResult(ok=result.ok, data=warned), None
        return result, None

    def _no_call(self, turn: Turn) -> p.StepOutcome | None:
        self._empty += 1
        if self._empty >= EMPTY_TURNS:
            said = turn.text.strip() or "nothing"
            return self._end("blocked", f"The model stopped working and said: {said[:500]}")
        self.items = [*self.items, transcript.user(NUDGE)]
        return None

    def _unusable(self, turn: Turn) -> p.StepOutcome | None:
        """Half a turn never enters the history; the model is told, twice at most."""
        self._empty += 1
        reason = turn.error or turn.stop.replace("_", " ")
        if self._empty >= EMPTY_TURNS:
            return self._end("failed", f"The model's answers could not be used ({reason}).")
        note = f"Your last answer could not be used ({reason}). Make it shorter. {NUDGE}"
        self.items = [*self.items, transcript.user(note)]
        return None

    def _finished(self, args: FinishArguments) -> p.StepOutcome:
        files = sorted({*args.files, *self.bench.written})
        return p.StepOutcome(
            outcome=args.outcome,
            summary=args.summary,
            files=files,
            checks=checks_with_results(self.bench, args),
            usage=self.usage,
            turns=self.turns,
        )

    def _end(self, outcome: p.StepResultKind, summary: str) -> p.StepOutcome:
        return p.StepOutcome(
            outcome=outcome,
            summary=summary,
            files=sorted(self.bench.written),
            usage=self.usage,
            turns=self.turns,
        )


def over_budget(budget_usd: float | None) -> str:
    return (
        f"The task reached its budget of ${budget_usd or 0:.2f}. Write again to go on with a new "
        "one, or choose a larger budget in App Home."
    )
