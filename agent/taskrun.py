"""Owns the course of one task: its loop over plans and steps, and its report.

Rebuilt by replay on every attempt; the workflow in `task.py` gives it its durable context.
"""

import restate
from restate import RunOptions, TerminalError, WorkflowContext

from agent import calls, events, plans
from agent import protocol as p
from agent.child import Child
from agent.config import RunConfig, snapshot
from agent.files import Files, as_terminal
from agent.planning import PlanReply, PlanRequest, make_plan
from agent.report import Report
from agent.steps import StepRequest, run_step
from sandbox import client as sandbox
from sandbox.durable import is_cancel
from sandbox.errors import SandboxError, SandboxGone, Unreachable

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay

FENCES_PER_TASK = 1000
FILES_FOR_PLANNER = 200
LOOKS = 3


class TaskRun:
    """Args: `request` names the thread, the task's number, and after which message it reads."""

    def __init__(self, ctx: WorkflowContext, request: p.TaskRequest) -> None:
        self.ctx = ctx
        self.thread = request.thread
        self.number = request.number
        self.report = Report(ctx, request.thread, ctx.key())
        self.seen = request.after_seq
        self.messages: list[p.HistoryEntry] = []
        self.digests: list[p.TaskDigest] = []
        self.plan: p.Plan | None = None
        self.planned_seq = request.after_seq
        self.plans_made = 0
        self.steps_started = 0
        self._config: RunConfig | None = None
        self._child = Child(ctx)
        self._files = Files(ctx, request.thread)

    async def to_the_end(self) -> p.TaskDone:
        """Raises TerminalError when stopped, or when something fails for good."""
        self._config = await self.ctx.run_typed(
            "settings", snapshot, RunOptions(type_hint=RunConfig)
        )
        self.report.started_at = await events.now(self.ctx)
        self.report.model = self._config.plan_model
        while True:
            await self._read_messages()
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

    async def end_early(self, error: TerminalError) -> p.TaskDone:
        """The clean end after a stop or a failure: children first, then the thread is told."""
        await self._settle_child()
        if not is_cancel(error):
            return await self._finish("failed", error.message)
        who = (await self._unread(self.seen)).stopping
        return await self._finish("stopped", self._stop_words(who))

    def _stop_words(self, who: p.Person | None) -> str:
        running = (
            [s.title for s in self.plan.steps if s.status == "in_progress"] if self.plan else []
        )
        by = f"By {who.name or who.user_id}" if who else "From outside"
        during = f", during “{running[0]}”" if running else ""
        return f"{by}{during}. What is done so far is kept; write again to go on."

    # --- messages and plan ----------------------------------------------------------------------

    async def _read_messages(self) -> None:
        unread = await self._unread(self.seen)
        if unread.stopping is not None:
            raise TerminalError("cancelled", 409)  # our cancel was taken for the child's
        self.messages += unread.messages
        self.digests = unread.digests
        self.seen = max(self.seen, unread.last_seq)

    async def _unread(self, after: int) -> p.Unread:
        request = p.ReadRequest(after_seq=after)
        return await calls.call(self.ctx, p.READ_UNREAD, self.thread.key, request)

    async def _make_plan(self) -> PlanReply | None:
        """None when a message came first."""
        request = PlanRequest(
            task=self.ctx.key(),
            config=self.config,
            messages=self.messages,
            digests=self.digests,
            plan=self.plan,
            seen_before=self.planned_seq,
            files=await self._list_files() if self.plan or self.number > 1 else [],
        )
        reply = await self._child.run(
            self.ctx.service_call(make_plan, request), until=self.seen + 1
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
            fresh = [m.author for m in self.messages if m.seq > self.planned_seq]
            self.report.note = plans.change_note(self.plan, _names(fresh))
        else:
            self.report.note = ""
            self.report.answer(plan.answer, self.seen)
        self.planned_seq = self.seen
        self.plans_made += 1
        log.info("%s: plan %d, %d steps", self.ctx.key(), self.plans_made, len(self._plan.steps))

    # --- steps ----------------------------------------------------------------------------------

    async def _work_through(self) -> tuple[p.Outcome, str] | None:
        """All steps in order. None when a message interrupted; else how the task ends."""
        last = ""
        while plans.next_step(self._plan) is not None or await self._lost_at_the_end():
            step = plans.next_step(self._plan)
            assert step is not None
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
            requester=self.messages[0].author,
            config=self.config,
            plan=self._plan,
            step_id=step.id,
            number=self.steps_started,
            messages=self.messages,
            digests=self.digests,
            sandbox=lease.ref,
            after=self._files.last,
            fence=self.number * FENCES_PER_TASK + self.plans_made,
        )
        outcome = await self._child.run(
            self.ctx.service_call(run_step, request), until=self.seen + 1
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

    async def _list_files(self) -> list[str]:
        """What the planner knows of the project; a lost sandbox is taken again."""
        for attempt in range(1, LOOKS + 1):
            lease = await self._acquire()
            box = sandbox.SandboxClient(self.ctx, lease.ref, self.number * FENCES_PER_TASK)
            try:
                listing = await box.list_files(f"list project {attempt}", ".", FILES_FOR_PLANNER)
            except (SandboxGone, Unreachable):
                continue
            except SandboxError as error:
                raise as_terminal(error) from error
            return [info.path for info in listing.files if info.kind == "file"]
        raise TerminalError("The sandbox was lost again and again.")

    def _go_back(self, mark: str, note: str, generation: int) -> None:
        """The files are those of an earlier checkpoint: what came after it is done again."""
        plan = self.plan
        done = self._files.went_back(mark, generation)
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
        self.report.finish(outcome, summary, finished_at, self.plan, self.messages)
        sandbox.release(self.ctx, self.thread.key, self.ctx.key())
        return p.TaskDone(
            task=self.ctx.key(),
            last_seq=self.seen,
            outcome=outcome,
            summary=summary,
            usage=self.report.usage,
        )

    @property
    def config(self) -> RunConfig:
        assert self._config is not None
        return self._config

    @property
    def _plan(self) -> p.Plan:
        assert self.plan is not None
        return self.plan


def _names(people: list[p.Person]) -> str:
    names = dict.fromkeys(person.name or f"<@{person.user_id}>" for person in people)
    return " and ".join(names) or "somebody"
