"""Owns the loop of one step: ask the model, do what it calls, until it finishes or a limit is hit.

A turn enters the conversation whole or not at all, and each call gets exactly one output before
the model is asked again.
"""

from collections.abc import Iterator
from itertools import groupby

from restate import TerminalError

from agent import protocol as p
from agent.calling import Calls, code_of
from agent.compaction import compact
from agent.conversation import Conversation
from agent.finishing import Finishing
from agent.guards import Guards, StepOver
from agent.llm import Request, ToolCall, Turn
from agent.prompts import render
from agent.purse import WorkEnds
from agent.tools import registry
from agent.tools.contract import Arguments, Bench, ToolResult, problem
from agent.tools.people import FinishArguments
from agent.transcript import Item

NUDGE = "Go on with the tools, and end the step with finish_step."


class StepLoop:
    """Drives one step.

    Args:
        bench: what the tools work with.
        opening: what the conversation begins with.
    """

    def __init__(self, bench: Bench, opening: list[Item]) -> None:
        self.bench = bench
        self.config = bench.config
        self.calls = Calls(bench.caller, bench.purse)
        self.conversation = Conversation(opening, bench.config.window_tokens)
        self.guards = Guards(bench.config)
        self.finishing = Finishing(bench)
        self._model = ""

    async def run(self) -> p.StepOutcome:
        """Raises TerminalError when cancelled, or when the model or the sandbox fails for good."""
        try:
            outcome = None
            while outcome is None:
                self.guards.begin_turn(self.seconds, self.calls.usage)
                outcome = await self._act(await self._ask())
        except StepOver as over:
            return self._ended(over.outcome, str(over))
        except WorkEnds as end:
            return self._ended(end.outcome, str(end), final=True)
        return outcome.model_copy(update=self.counts())

    @property
    def seconds(self) -> float:
        return self.bench.model_seconds + self.bench.seconds

    # --- ask ------------------------------------------------------------------------------------

    async def _ask(self) -> Turn:
        """One answer of the model; where its window is too small, once more after making room."""
        place = f"turn {self.guards.turns}"
        if self.conversation.is_full:
            await self._compact(f"{place}: before")
        try:
            turn = await self._answer(place)
        except TerminalError as error:
            if code_of(error) != "context_overflow":
                raise
            await self._compact(f"{place}: too long", refused=True)
            turn = await self._answer(f"{place}, compacted")
        self.bench.model_seconds += turn.ms / 1000
        return turn

    async def _answer(self, place: str) -> Turn:
        look = self.bench.sandbox.peek
        return await self.calls.ask(place, self.config.model, self._request_to, look)

    def _request_to(self, model: str) -> Request:
        if self._model and model != self._model:
            self.conversation.drop_reasoning()
        self._model = model
        return Request(
            model=model,
            instructions=render("worker"),
            items=self.conversation.items,
            tools=list(
                registry.schemas(
                    model,
                    repository=self.bench.repository,
                    long_thread=self.bench.long_thread,
                )
            ),
            effort=self.config.effort,
            cache_key=self.bench.run_id,
            user_hash=self.bench.user_hash,
        )

    async def _compact(self, place: str, *, refused: bool = False) -> None:
        look = self.bench.sandbox.peek
        await compact(self.conversation, self.calls, self.config, place, look, refused=refused)

    # --- act ------------------------------------------------------------------------------------

    async def _act(self, turn: Turn) -> p.StepOutcome | None:
        """Take the turn in and do its calls; None means go on."""
        if turn.refusal:
            raise StepOver(f"The model refused: {turn.refusal}")
        if turn.stop in ("max_tokens", "filtered", "failed"):
            self._unusable(turn)
            return None
        self.conversation.add_turn(turn.items, turn.usage)
        if not turn.calls:
            said = turn.text.strip() or "nothing"
            self.guards.useless_turn(f"The model stopped working and said: {said[:500]}")
            self.conversation.add_note(NUDGE)
            return None
        return await self._do(turn.calls)

    def _unusable(self, turn: Turn) -> None:
        """Half a turn never enters the conversation; the model is told."""
        reason = turn.error or turn.stop.replace("_", " ")
        self.guards.useless_turn(f"The model's answers could not be used ({reason}).", "failed")
        self.conversation.add_note(
            f"Your last answer could not be used ({reason}). Make it shorter. {NUDGE}"
        )

    async def _do(self, calls: list[ToolCall]) -> p.StepOutcome | None:
        """The turn's calls in order, reads that stand together at once; the outcome at the end."""
        allowed = self.guards.allow_calls(len(calls))
        finished: p.StepOutcome | None = None
        waits = self.bench.waits
        for group in _groups(calls[:allowed], f"turn {self.guards.turns}"):
            if finished or self.bench.waits > waits:
                why = "The step had ended." if finished else "People were asked before it."
                for call, _, _ in group:
                    self.conversation.add_output(call.call_id, problem("not_run", why).as_text())
                continue
            if len(group) > 1:
                reads = [(call, args) for call, args, _ in group if isinstance(args, Arguments)]
                results = await registry.read_together(self.bench, reads, f"{group[0][2]} and on")
            else:
                result, finished = await self._call(*group[0])
                results = [result]
            for (call, _, _), result in zip(group, results, strict=True):
                told = self.guards.after_call(call, result)
                self.conversation.add_output(call.call_id, told.as_text())
        if finished is None:
            self.guards.no_more_calls()
        return finished

    async def _call(
        self, call: ToolCall, arguments: Arguments | ToolResult, place: str
    ) -> tuple[ToolResult, p.StepOutcome | None]:
        if isinstance(arguments, ToolResult):  # what is wrong with them
            return arguments, None
        if isinstance(arguments, FinishArguments):
            complaint = self.finishing.complaint(arguments)
            if complaint is not None:
                return complaint, None
            return ToolResult(ok=True), self.finishing.outcome(arguments)
        return await registry.execute(self.bench, call, arguments, place), None

    # --- the end --------------------------------------------------------------------------------

    def _ended(
        self, outcome: p.StepResultKind, summary: str, *, final: bool = False
    ) -> p.StepOutcome:
        files = sorted(self.bench.written)
        ended = p.StepOutcome(outcome=outcome, summary=summary, files=files, final=final)
        return ended.model_copy(update=self.counts())

    def counts(self) -> dict[str, object]:
        return {"usage": self.calls.usage, "turns": self.guards.turns}


Placed = tuple[ToolCall, Arguments | ToolResult, str]
"""A call, its arguments or what is wrong with them, and the name of its place."""


def _groups(calls: list[ToolCall], turn: str) -> Iterator[list[Placed]]:
    """Reads that stand together in one group, every other call in one of its own."""
    placed = [
        (call, registry.parse(call), f"{turn}: call {number}")
        for number, call in enumerate(calls, 1)
    ]
    for together, group in groupby(placed, key=_can_be_together):
        if together:
            yield list(group)
        else:
            yield from ([one] for one in group)


def _can_be_together(placed: Placed) -> bool:
    return isinstance(placed[1], Arguments) and registry.is_parallel(placed[0])
