"""Owns the course of one task: its loop over plans and steps, and its report.

Rebuilt by replay on every attempt; the workflow in `task.py` gives it its durable context.
"""

import restate
from restate import RunOptions, TerminalError, WorkflowContext

from agent import events, plans, preferences
from agent import protocol as p
from agent.child import Child
from agent.config import RunConfig, snapshot, with_preferences
from agent.files import Files
from agent.intake import Intake
from agent.planning import PlanReply, PlanRequest, make_plan
from agent.reading import Reading
from agent.report import Report
from agent.steps import StepRequest, run_step
from sandbox import client as sandbox
from sandbox.durable import is_cancel

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay

FENCES_PER_TASK = 1000


class TaskRun:
    """Args: `request` names the thread, the task's number, and after which message it reads."""

    def __init__(self, ctx: WorkflowContext, request: p.TaskRequest) -> None:
        self.ctx = ctx
        self.thread = request.thread
        self.number = request.number
        self.report = Report(ctx, request.thread, ctx.key())
        self.reading = Reading(ctx, request.thread, request.after_seq)
        self.plan: p.Plan | None = None
        self.planned_seq = request.after_seq
        self.plans_made = 0
        self.steps_started = 0
        self._config: RunConfig | None = None
        self._child = Child(ctx)
        self._files = Files(ctx, request.thread)
        self._intake = Intake(ctx, request.thread, self.reading, self._acquire)

    async def to_the_end(self) -> p.TaskDone:
        """Raises TerminalError when stopped, or when something fails for good."""
        self.report.started_at = await events.now(self.ctx)
        await self.reading.read()
        self._config = await self._settle_config()
        self.report.runs_by(self._config)
        while True:
            await self.reading.read()
            if self._child.interrupted:
                await self.reading.settle(self.config.settle_seconds)
            reply = await self._make_plan()
            if reply is None:
                continue
            if reply.plan is None:
                return await self._finish("failed", reply.problem)
            if not reply.plan.steps and self.plan is None:
                return await self._finish("answered", reply.plan.answer)
            self._adopt(reply.plan)
            outcome = await self._work_through()
            if outcome is not None:
                return await self._finish(*outcome)

    async def _settle_config(self) -> RunConfig:
        """The operator's values, and what people chose within them; fixed for the whole task."""
        by_operator = await self.ctx.run_typed(
            "settings", snapshot, RunOptions(type_hint=RunConfig)
        )
        requester = self.reading.requester.user_id
        chosen = await preferences.effective(self.ctx, self.thread, requester)
        return with_preferences(by_operator, chosen)

    async def end_early(self, error: TerminalError) -> p.TaskDone:
        """The clean end after a stop or a failure: children first, then the thread is told."""
        await self._settle_child()
        if not is_cancel(error):
            return await self._finish("failed", error.message)
        words = self._stop_words(await self.reading.stopped_by())
        return await self._finish("stopped", words)

    def _stop_words(self, who: p.Person | None) -> str:
        running = (
            [s.title for s in self.plan.steps if s.status == "in_progress"] if self.plan else []
        )
        by = f"By {who.name or who.user_id}" if who else "From outside"
        during = f", during “{running[0]}”" if running else ""
        return f"{by}{during}. What is done so far is kept; write again to go on."

    # --- messages and plan ----------------------------------------------------------------------

    async def _make_plan(self) -> PlanReply | None:
        """None when a message came first."""
        await self._intake.take_in(self._fence)
        worked = self.plan or any(d.outcome != "answered" for d in self.reading.digests)
        files = await self._intake.list_files(self._fence) if worked else []
        request = PlanRequest(
            task=self.ctx.key(),
            config=self.config,
            messages=self.reading.messages,
            digests=self.reading.digests,
            context=self.reading.context,
            plan=self.plan,
            seen_before=self.planned_seq,
            files=files,
            sandbox=self._files.ref,
        )
        reply = await self._child.run(
            self.ctx.service_call(make_plan, request), until=self.reading.seen + 1
        )
        if reply is not None:
            self.report.usage += reply.usage
            self.report.model = reply.model or self.report.model
        return None if self._child.interrupted else reply

    def _adopt(self, plan: p.Plan) -> None:
        """Go on with `plan`; an answer without steps leaves the running plan as it is."""
        if self.plan is None:
            self.plan = plan
        elif plan.steps:
            self.plan = plans.take_over(self.plan, plan)
            fresh = [m.author for m in self.reading.messages if m.seq > self.planned_seq]
            self.report.note = plans.change_note(self.plan, _names(fresh))
        else:
            self.report.note = ""
            self.report.answer(plan.answer, self.reading.seen)
        self.planned_seq = self.reading.seen
        self.plans_made += 1
        log.info("%s: plan %d, %d steps", self.ctx.key(), self.plans_made, len(self._plan.steps))

    # --- steps ----------------------------------------------------------------------------------

    async def _work_through(self) -> tuple[p.Outcome, str] | None:
        """All steps in order. None when a message interrupted; else how the task ends."""
        last = ""
        while plans.next_step(self._plan) is not None or await self._lost_at_the_end():
            step = plans.next_step(self._plan)
            assert step is not None
            if self.steps_started and await self.reading.more_to_plan():
                self._child.interrupted = True
                self.report.interrupted(self._plan)
                return None
            await self._intake.take_in(self._fence)
            self._mark(step.id, "in_progress")  # shown before the sandbox is there
            lease = await self._files.acquire()
            if lease.rolled_back:
                self._mark(step.id, "pending", show=False)
                self._take_back(lease)
                continue
            outcome = await self._run_step(step, lease)
            ended = self._take(step, outcome)
            if outcome is not None and outcome.mutated:
                self._files.checkpoint(self._plan, step)
            if ended is not None:
                return ended
            if self._child.interrupted:
                self.report.interrupted(self._plan)
                return None
            last = outcome.summary if outcome else last
        return "done", last or self._plan.answer or self._plan.goal

    async def _lost_at_the_end(self) -> bool:
        """Nothing is called done before it is kept: what the last step did may be to do again."""
        if self._files.last is not None:
            await self._files.kept()
            await self._acquire()
        return plans.next_step(self._plan) is not None

    def _take(
        self, step: p.PlanStep, outcome: p.StepOutcome | None
    ) -> tuple[p.Outcome, str] | None:
        """Note how a step ended in the plan; the task's end when it must not go on."""
        if outcome is not None and outcome.outcome == "rolled_back":
            self._go_back(outcome.checkpoint, outcome.summary, outcome.generation)
        elif outcome is not None and outcome.outcome == "done":
            self._mark(step.id, "complete", outcome.summary)
        elif self._child.interrupted:
            self._mark(step.id, "pending", outcome.summary if outcome else "", show=False)
        else:
            assert outcome is not None
            self._mark(step.id, "error", outcome.summary)
            ended: p.Outcome = "blocked" if outcome.outcome == "blocked" else "failed"
            return ended, f"{step.title}: {outcome.summary}"
        return None

    async def _run_step(self, step: p.PlanStep, lease: sandbox.Lease) -> p.StepOutcome | None:
        self.steps_started += 1
        request = StepRequest(
            task=self.ctx.key(),
            thread=self.thread,
            requester=self.reading.requester,
            config=self.config,
            plan=self._plan,
            step_id=step.id,
            number=self.steps_started,
            messages=self.reading.messages,
            digests=self.reading.digests,
            context=self.reading.context,
            sandbox=lease.ref,
            after=self._files.last,
            seen_seq=self.reading.seen,
            spent_usd=self.report.usage.known_usd,
            fence=self._fence,
        )
        outcome = await self._child.run(
            self.ctx.service_call(run_step, request), until=self.reading.seen + 1
        )
        if outcome is not None:
            self.report.add(outcome)
        return outcome

    async def _acquire(self) -> sandbox.Lease:
        lease = await self._files.acquire()
        if lease.rolled_back:
            self._take_back(lease)
        return lease

    def _take_back(self, lease: sandbox.Lease) -> None:
        mark = lease.restored.mark if lease.restored else ""
        self._go_back(mark, lease.note, lease.ref.generation)

    def _go_back(self, mark: str, note: str, generation: int) -> None:
        """The files are those of an earlier checkpoint: what came after it is done again."""
        plan = self.plan
        done = self._files.went_back(mark, generation)
        self._intake.lost = True
        self.plan = plans.back_to(plan, done) if plan else None
        again = plans.undone(plan, done) if plan else []
        if again:
            note = f"{note} To be done again: {', '.join(again)}."
        self._files.say(note)

    def _mark(
        self, step_id: str, status: p.StepStatus, digest: str = "", *, show: bool = True
    ) -> None:
        self.plan = plans.with_step(self._plan, step_id, status, digest)
        if show:
            self.report.show_plan(self._plan, "working")

    async def _settle_child(self) -> None:
        """Note what a child that was cancelled together with us had done."""
        answer = await self._child.settled()
        if "outcome" not in answer:
            return  # planning, which leaves nothing to report
        outcome = p.StepOutcome.model_validate(answer)
        self.report.add(outcome)
        running = [s for s in self._plan.steps if s.status == "in_progress"]
        if outcome.mutated and running:
            self._files.checkpoint(self._plan, running[0])

    # --- the end --------------------------------------------------------------------------------

    async def _finish(self, outcome: p.Outcome, summary: str) -> p.TaskDone:
        finished_at = await events.now(self.ctx)
        log.info("%s: %s", self.ctx.key(), outcome)
        self.report.finish(outcome, summary, finished_at, self.plan, self.reading.messages)
        sandbox.release(self.ctx, self.thread.key, self.ctx.key())
        return p.TaskDone(
            task=self.ctx.key(),
            last_seq=self.reading.seen,
            outcome=outcome,
            summary=summary,
            usage=self.report.usage,
        )

    @property
    def config(self) -> RunConfig:
        assert self._config is not None
        return self._config

    @property
    def _fence(self) -> int:
        """Grows with every task and every new plan."""
        return self.number * FENCES_PER_TASK + self.plans_made

    @property
    def _plan(self) -> p.Plan:
        assert self.plan is not None
        return self.plan


def _names(people: list[p.Person]) -> str:
    names = dict.fromkeys(person.name or f"<@{person.user_id}>" for person in people)
    return " and ".join(names) or "somebody"
