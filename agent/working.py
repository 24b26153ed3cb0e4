"""Owns how a task carries out its plan: step by step, each an invocation of its own, with a
checkpoint behind each that changed something.
"""

from agent import plans
from agent import protocol as p
from agent.course import Course, End, Interrupted
from agent.steps import StepRequest, run_step
from sandbox.client import Lease


class Working:
    """Rebuilt by replay like the course it belongs to."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._started = 0

    async def work_through(self) -> End:
        """Do what is left of the plan; how the task ends.

        Raises:
            Interrupted: a message came first.
            TerminalError: stopped, or something failed for good.
        """
        course = self._course
        while plans.next_step(course.plan) is not None or await course.is_lost_at_the_end():
            if self._started and await course.reading.more_to_plan():
                course.child.interrupted = True
                raise Interrupted
            await course.take_in()
            step = plans.next_step(course.plan)  # taking in may have found steps lost
            assert step is not None
            course.mark(step.id, "in_progress")  # shown before the sandbox is there
            lease = await course.acquire()
            if lease.rolled_back:
                course.mark(step.id, "pending", show=False)
                continue
            outcome = await self._run(step, lease)
            end = self._take(step, outcome)
            if outcome is not None:
                await course.keep(step, outcome)
            if end is not None:
                return end
            if course.child.interrupted:
                raise Interrupted
        return End("done", plans.last_words(course.plan))

    async def _run(self, step: p.PlanStep, lease: Lease) -> p.StepOutcome | None:
        """None when it ended without a word, interrupted."""
        course = self._course
        reading = course.reading
        self._started += 1
        request = StepRequest(
            task=course.key,
            thread=course.thread,
            requester=reading.requester,
            config=course.config,
            plan=course.plan,
            step_id=step.id,
            number=self._started,
            messages=reading.messages,
            digests=reading.digests,
            summary=reading.summary,
            context=reading.context,
            guidance=course.intake.project.guidance,
            repository=course.repository.describe(),
            in_repository=course.repository.record.repository is not None,
            answers=course.answers,
            sandbox=lease.ref,
            after=course.files.last,
            seen_seq=reading.seen,
            allowance=course.allowance,
            fence=course.fence,
        )
        outcome = await course.race(course.ctx.service_call(run_step, request))
        if outcome is not None:
            course.report.add(outcome)
            course.allowance = outcome.allowance or course.allowance
            course.report.spends(course.config, course.allowance)
        return outcome

    def _take(self, step: p.PlanStep, outcome: p.StepOutcome | None) -> End | None:
        """Note how a step ended in the plan; the task's end when it must not go on."""
        course = self._course
        if outcome is not None and outcome.outcome == "rolled_back":
            course.go_back(outcome.checkpoint, outcome.summary, outcome.generation)
            return None
        if outcome is not None and outcome.outcome == "done":
            course.mark(step.id, "complete", outcome.summary)
            return None
        if course.child.interrupted:
            summary = outcome.summary if outcome else ""
            course.mark(step.id, "pending", summary, show=False)
            return None
        assert outcome is not None
        ended: p.Outcome = "failed"
        if outcome.outcome in ("blocked", "stopped"):
            ended = outcome.outcome
        course.mark(step.id, "pending" if ended == "stopped" else "error", outcome.summary)
        words = outcome.summary  # which says who stopped it, and why
        if ended != "stopped":
            words = f"“{step.title}” did not work out: {words}"
        return End(ended, words, mendable=not outcome.final and ended != "stopped")
