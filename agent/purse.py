"""Owns whether a task may spend on another call of the model, and what people are asked when not.

One for each invocation that calls the model; what it knows is handed on as an `Allowance`. The
budgets of the task and its thread are counted here, those of its channel and the day in the
workspace's ledger. Only a click spends more: what people write makes a new plan, and asks again.
"""

from collections.abc import Callable
from typing import Literal

from agent import calls, wording
from agent import protocol as p
from agent.asking import Asker
from agent.config import RunConfig

STOP, TRY_AGAIN = "Stop", "Try again"


class WorkEnds(Exception):
    """No further call may be made; one sentence for people."""

    def __init__(self, sentence: str, outcome: Literal["blocked", "stopped"] = "blocked") -> None:
        super().__init__(sentence)
        self.outcome: Literal["blocked", "stopped"] = outcome


class Purse:
    """Rebuilt by replay."""

    def __init__(self, asker: Asker, config: RunConfig, allowance: p.Allowance) -> None:
        self._asker = asker
        self._config = config
        self.allowance = allowance
        self.waits: Callable[[bool], None] = lambda _: None
        """Told when people are asked, and when they have answered."""
        self._asked = 0
        self._before_wait, asker.before_wait = asker.before_wait, self._rest

    @property
    def spent(self) -> p.Spent:
        """By the whole task so far."""
        now = self.allowance
        return p.Spent(known_usd=now.spent_usd, assumed_usd=now.assumed_usd)

    def model(self, configured: str) -> str:
        """The model to call: what people chose on the way, else the configured one."""
        return self.allowance.model or configured

    async def before_call(self, place: str) -> None:
        """Wait for people when a budget is used up; passed by one call at most.

        Raises:
            WorkEnds: the call may not be made.
            TerminalError: a message or a stop came first.
        """
        reached = self._reached() or await self._draw()
        while reached is not None:
            more = await self._ask_for(reached, place)
            if reached.name in ("channel", "day"):
                reached = await self._draw(reached.name, more)
            else:
                before = self.allowance.extras.get(reached.name, 0.0)
                self._now(extras={**self.allowance.extras, reached.name: before + more})
                reached = self._reached() or await self._draw()

    def count(self, usage: p.Usage) -> None:
        """Take in what a call has cost."""
        tokens = 0 if usage.cost_usd is not None else usage.input + usage.output
        self._now(
            spent_usd=self.allowance.spent_usd + usage.known_usd,
            unpriced_tokens=self.allowance.unpriced_tokens + tokens,
            assumed_usd=self.allowance.assumed_usd + usage.assumed_usd,
            call_usd=max(self.allowance.call_usd, usage.counted_usd),
        )

    def estimated(self, model: str, tokens: int) -> p.Usage:
        """A call that was cut off, as far as it is known: what was sent. At the rates the task
        began with, so that a replay counts the same.

        Args:
            tokens: of the request, by its length.
        """
        rate = self._config.rates.get(model)
        cost = None if rate is None else tokens * rate / 1e6
        assumed = tokens * self._config.assumed_rate / 1e6 if cost is None else 0.0
        return p.Usage(
            input=tokens, cost_usd=cost, known_usd=cost or 0.0, assumed_usd=assumed, cut_off=1
        )

    async def out_of_quota(self, place: str, sentence: str) -> None:
        """The provider's account has nothing left: wait for people, then the call is made again.

        Raises as `before_call`.
        """
        question = wording.out_of_quota(sentence)
        outcome = await self._ask(place, question, [TRY_AGAIN, STOP], approvers_only=True)
        self._end_unless(outcome, {TRY_AGAIN}, "as the provider's account has nothing left")

    # --- what is left ---------------------------------------------------------------------------

    def _reached(self) -> p.BudgetLine | None:
        """Of the budgets of the task and its thread the first that is used up."""
        own = (line for line in budget_lines(self._config, self.allowance) if _is_own(line))
        return next((line for line in own if line.spent_usd >= line.limit_usd), None)

    async def _draw(
        self, raised: p.BudgetName | None = None, more_usd: float = 0.0
    ) -> p.BudgetLine | None:
        """Have enough drawn from the shared budgets for a call; else the one that is used up."""
        shared = [line for line in self._config.budgets if not _is_own(line)]
        spent = self.allowance.counted_usd
        if not shared or (raised is None and spent < self.allowance.drawn_usd):
            return None
        thread = self._asker.thread
        request = p.Draw(
            task=self._asker.task,
            channel=thread.channel,
            spent_usd=spent,
            call_usd=self.allowance.call_usd,
            limits=shared,
            raised=raised,
            more_usd=more_usd,
        )
        drawn = await calls.call(self._asker.ctx, p.DRAW, thread.team, request)
        self._now(drawn_usd=drawn.granted_usd, drawn=drawn.lines)
        return next((line for line in drawn.lines if line.name == drawn.reached), None)

    def _rest(self) -> None:
        """What is drawn must not be kept from others while people think."""
        self._before_wait()
        self.allowance = rested(self._asker, self.allowance)

    # --- people ---------------------------------------------------------------------------------

    async def _ask_for(self, line: p.BudgetLine, place: str) -> float:
        """Dollars that people add to a budget that is used up. Raises as `before_call`."""
        more = max(round(min(self._config.more_usd, line.limit_usd / 2), 2), 0.01)
        go_on, cheaper = f"Continue with ${more:.2f} more", ""
        if self._cheaper():
            cheaper = f"Use {self._config.cheap_model}, with ${more:.2f} more"
        outcome = await self._ask(
            place,
            wording.reached(line, self.allowance, self.model(self._config.model)),
            [go_on, *([cheaper] if cheaper else []), STOP],
            approvers_only=not _is_own(line),
            budget=line,
        )
        self._end_unless(outcome, {go_on, cheaper}, f"at {wording.named(line)}")
        if outcome.answer == cheaper:
            self._now(model=self._config.cheap_model)
        return more

    def _cheaper(self) -> bool:
        """Whether the cheap model is another one, and known to cost less."""
        cheap, rates = self._config.cheap_model, self._config.rates
        current = self.model(self._config.model)
        if cheap in ("", current) or cheap not in rates:
            return False
        return current not in rates or rates[cheap] < rates[current]

    async def _ask(
        self,
        place: str,
        question: str,
        options: list[str],
        *,
        approvers_only: bool,
        budget: p.BudgetLine | None = None,
    ) -> p.ApprovalOutcome:
        self._asked += 1
        self.waits(True)
        outcome = await self._asker.ask(
            f"budget {self._asker.ctx.request().id}/{place}/{self._asked}",
            question,
            kind="budget",
            options=options,
            approvers_only=approvers_only,
            budget=budget,
        )
        self.waits(False)
        return outcome

    def _end_unless(self, outcome: p.ApprovalOutcome, going_on: set[str], why: str) -> None:
        if outcome.verdict == "answered" and outcome.answer in going_on:
            return
        if outcome.verdict == "answered":
            raise WorkEnds(wording.stopped(outcome, why), "stopped")
        raise WorkEnds(wording.nobody_answered(self._config.approval_seconds, why))

    def _now(self, **changed: object) -> None:
        self.allowance = self.allowance.model_copy(update=changed)


def rested(asker: Asker, allowance: p.Allowance) -> p.Allowance:
    """`allowance` after what is drawn and not spent went back."""
    spent = allowance.counted_usd
    if allowance.drawn_usd <= spent:
        return allowance
    channel = asker.thread.channel
    settled = p.Settlement(task=asker.task, channel=channel, spent_usd=spent, ended=False)
    calls.send(asker.ctx, p.SETTLE, asker.thread.team, settled)
    return allowance.model_copy(update={"drawn_usd": 0.0})


def budget_lines(config: RunConfig, allowance: p.Allowance) -> list[p.BudgetLine]:
    """All budgets that are set, with what people added and what has been spent of them."""
    task = p.BudgetLine(name="task", limit_usd=config.budget_usd or 0.0)
    told = {line.name: line for line in allowance.drawn}
    lines = [task, *config.budgets] if config.budget_usd is not None else config.budgets
    return [
        _line(line, allowance) if _is_own(line) else told.get(line.name, line) for line in lines
    ]


def _line(line: p.BudgetLine, allowance: p.Allowance) -> p.BudgetLine:
    extra = allowance.extras.get(line.name, 0.0)
    return p.BudgetLine(
        name=line.name,
        limit_usd=line.limit_usd + extra,
        spent_usd=line.spent_usd + allowance.counted_usd,
    )


def _is_own(line: p.BudgetLine) -> bool:
    """Counted by the task itself."""
    return line.name in ("task", "thread")
