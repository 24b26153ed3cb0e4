"""Owns where one task stands: what it has read, its plan, its files, what it may spend, and the one
invocation it has under way. Rebuilt by replay.
"""

from dataclasses import dataclass
from typing import TypeVar

import restate
from restate import RestateDurableCallFuture, RunOptions, TerminalError, WorkflowContext

from agent import plans, preferences
from agent import protocol as p
from agent.asking import Asker
from agent.child import Child
from agent.config import RunConfig, snapshot, with_preferences, with_thread
from agent.files import Files
from agent.intake import Intake
from agent.reading import Reading
from agent.report import Report
from agent.repositories.repository import Repository
from sandbox import client as sandbox

T = TypeVar("T")

FENCES_PER_TASK = 1000

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class Interrupted(Exception):
    """A message came first: read it, and plan anew."""


@dataclass(frozen=True)
class End:
    """How a task ends, unless another plan mends it."""

    outcome: p.Outcome
    summary: str
    mendable: bool = False
    """A step failed for a reason that another plan may get around."""


class Course:
    def __init__(self, ctx: WorkflowContext, request: p.TaskRequest) -> None:
        self.ctx = ctx
        self.key = ctx.key()
        self.thread = request.thread
        self.number = request.number
        self.report = Report(ctx, request.thread, self.key)
        self.reading = Reading(ctx, request.thread, request.after_seq)
        self.allowance = p.Allowance()
        self.child = Child(ctx)
        self.files = Files(ctx, request.thread)
        self.intake = Intake(ctx, request.thread, self.reading, self.acquire)
        self.repository = Repository(ctx, request.thread, self.reading, self.acquire, self.child)
        self.answers: list[p.Answered] = []
        """What people were asked about the plan, and what came of it."""
        self.plans_made = 0
        self._plan: p.Plan | None = None
        self._config: RunConfig | None = None

    async def begin(self) -> None:
        """Read what is asked, and fix by which settings it is done."""
        await self.reading.read()
        by_operator = await self.ctx.run_typed(
            "settings", snapshot, RunOptions(type_hint=RunConfig)
        )
        requester = self.reading.requester.user_id
        chosen = await preferences.effective(self.ctx, self.thread, requester)
        self._config = with_thread(with_preferences(by_operator, chosen), self.reading.spent_usd)
        self.report.runs_by(self._config)

    async def catch_up(self) -> None:
        """Read what people wrote since; after an interrupt, until there is a pause."""
        await self.reading.read()
        if self.child.interrupted:
            await self.reading.settle(self.config.settle_seconds)

    async def take_in(self) -> None:
        """Have in the project what people named and attached. Raises Interrupted."""
        if not await self.repository.take_in(self.fence):
            raise Interrupted
        await self.intake.take_in(self.fence)

    async def race(self, call: RestateDurableCallFuture[T]) -> T | None:
        """The call's answer, or what it answers when a message interrupts it: see
        `child.interrupted`."""
        return await self.child.run(call, until=self.reading.seen + 1)

    @property
    def asker(self) -> Asker:
        """Asks people for the task itself; steps ask for themselves."""
        reading = self.reading
        return Asker(self.ctx, self.key, self.thread, reading.requester, self.config, reading.seen)

    @property
    def config(self) -> RunConfig:
        assert self._config is not None
        return self._config

    @property
    def fence(self) -> int:
        """Grows with every task and every new plan; the sandbox refuses writes of lower ones."""
        return self.number * FENCES_PER_TASK + self.plans_made

    # --- the plan -------------------------------------------------------------------------------

    @property
    def has_plan(self) -> bool:
        return self._plan is not None

    @property
    def plan(self) -> p.Plan:
        assert self._plan is not None
        return self._plan

    def adopt(self, plan: p.Plan) -> None:
        self._plan = plan
        self.plans_made += 1
        log.info("%s: plan %d, %d steps", self.key, self.plans_made, len(plan.steps))

    def mark(
        self, step_id: str, status: p.StepStatus, digest: str = "", *, show: bool = True
    ) -> None:
        self._plan = plans.with_step(self.plan, step_id, status, digest)
        if show:
            self.report.show_plan(self.plan, "working")

    def tell_of_interrupt(self) -> None:
        if self._plan is not None:
            why = "Interrupted: reading the new message and planning again."
            self.report.rethinks(self._plan, why)

    # --- the files ------------------------------------------------------------------------------

    async def acquire(self) -> sandbox.Lease:
        """The session's sandbox. When its files went back, so does the plan.

        Raises TerminalError when there is none to be had.
        """
        lease = await self.files.acquire()
        if lease.rolled_back:
            mark = lease.restored.mark if lease.restored else ""
            self.go_back(mark, lease.note, lease.ref.generation)
        return lease

    def go_back(self, mark: str, note: str, generation: int) -> None:
        """The files are those of an earlier checkpoint: what came after it is done again."""
        done = self.files.went_back(mark, generation)
        self.intake.lost = self.repository.lost = True
        if self._plan is not None:
            again = plans.undone(self._plan, done)
            self._plan = plans.back_to(self._plan, done)
            if again:
                note = f"{note} To be done again: {', '.join(again)}."
        self.files.say(note)

    async def keep(
        self, step: p.PlanStep, outcome: p.StepOutcome, *, stopping: bool = False
    ) -> None:
        """Have what a step changed committed, when it is finished, and in a checkpoint.

        Raises TerminalError also when cancelled, after both.
        """
        if not outcome.mutated:
            return
        if outcome.outcome == "done":
            where, goal = self.files.ref, self.plan.goal
            assert where is not None  # it ran there
            try:
                kept = await self.repository.commit(
                    self.fence, step, goal, where, stopping=stopping
                )
            except TerminalError:
                self.files.checkpoint(self.plan, step)
                raise
            if not kept:
                return
        self.files.checkpoint(self.plan, step)

    async def is_lost_at_the_end(self) -> bool:
        """Nothing is called done before it is kept: what the last step did may be to do again."""
        if self.files.last is not None:
            await self.files.kept()
            await self.acquire()
        return plans.next_step(self.plan) is not None

    # --- an end from outside --------------------------------------------------------------------

    async def settle_child(self) -> None:
        """Note what a child that was cancelled together with us had done."""
        answer = await self.child.settled()
        if "outcome" not in answer or "turns" not in answer:  # no step, so it left no files
            self.report.usage += p.Usage.model_validate(answer.get("usage", {}))
            return
        outcome = p.StepOutcome.model_validate(answer)
        self.report.add(outcome)
        running = [s for s in self.plan.steps if s.status == "in_progress"]
        if not running:
            return
        if outcome.outcome == "done":  # it ended at the very moment of the stop
            self.mark(running[0].id, "complete", outcome.summary, show=False)
        await self.keep(running[0], outcome, stopping=True)

    async def stop_words(self) -> str:
        """Who stopped the task, and during what."""
        who = await self.reading.stopped_by()
        steps = self._plan.steps if self._plan else []
        running = [step.title for step in steps if step.status == "in_progress"]
        by = f"{who.name or who.user_id} stopped it" if who else "It was stopped from outside"
        during = f" during “{running[0]}”" if running else ""
        return f"{by}{during}. What is done so far is kept; write again to go on."
