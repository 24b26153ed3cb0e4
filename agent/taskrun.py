"""Owns the course of one task from its first message to its report: plan, work, and plan again.

Rebuilt by replay on every attempt; the workflow in `task.py` gives it its durable context.
"""

import restate
from restate import TerminalError, WorkflowContext

from agent import events
from agent import protocol as p
from agent.course import Course, End, Interrupted
from agent.drafting import Drafting
from agent.working import Working
from sandbox import client as sandbox
from sandbox.durable import is_cancel

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class TaskRun:
    """Args: `request` names the thread, the task's number, and after which message it reads."""

    def __init__(self, ctx: WorkflowContext, request: p.TaskRequest) -> None:
        self._ctx = ctx
        self._course = Course(ctx, request)
        self._drafting = Drafting(self._course)
        self._working = Working(self._course)

    async def to_the_end(self) -> p.TaskDone:
        """Raises TerminalError when stopped, or when something fails for good."""
        self._course.report.started_at = await events.now(self._ctx)
        await self._course.begin()
        while True:
            try:
                await self._course.catch_up()
                end = await self._drafting.draft() or await self._working.work_through()
            except Interrupted:
                self._course.tell_of_interrupt()
                continue
            if end.outcome == "done" or not self._drafting.mend(end):
                return await self._finish(end)

    async def end_early(self, error: TerminalError) -> p.TaskDone:
        """The clean end after a stop or a failure: children first, then the thread is told."""
        await self._course.settle_child()
        if not is_cancel(error):
            return await self._finish(End("failed", error.message))
        return await self._finish(End("stopped", await self._course.stop_words()))

    async def _finish(self, end: End) -> p.TaskDone:
        course = self._course
        finished_at = await events.now(self._ctx)
        log.info("%s: %s", course.key, end.outcome)
        plan = course.plan if course.has_plan else None
        course.report.finish(end.outcome, end.summary, finished_at, plan, course.reading.messages)
        sandbox.release(self._ctx, course.thread.key, course.key)
        return p.TaskDone(
            task=course.key,
            last_seq=course.reading.seen,
            outcome=end.outcome,
            summary=end.summary,
            usage=course.report.usage,
        )
