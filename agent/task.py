"""Owns one run of work: from unread messages over a plan and its steps to the final message.

Nothing here runs for long: planning and steps are invocations of their own, raced against the next
message. An interrupt cancels the running one, waits for its clean end, and plans anew; a stop
cancels this invocation, and the same clean end follows. Whatever happens, the session is told
exactly once.
"""

from restate import TerminalError, Workflow, WorkflowContext, WorkflowSharedContext

from agent import calls
from agent import protocol as p
from agent.retries import PROMPT
from agent.taskrun import TaskRun
from sandbox.durable import is_cancel

task = Workflow(p.TASK, invocation_retry_policy=PROMPT)

STATUS = "status"


@task.main()
async def run(ctx: WorkflowContext, request: p.TaskRequest) -> p.TaskDone:
    """Work until done, blocked, failed or stopped; never raises, so that `on_task_done` is sent."""
    work = TaskRun(ctx, request)
    try:
        done = await work.to_the_end()
    except TerminalError as error:
        done = await _ended(work, error)
    calls.send(ctx, p.ON_TASK_DONE, request.thread.key, done)
    return done


async def _ended(work: TaskRun, error: TerminalError) -> p.TaskDone:
    """A stop may be read of before its cancel arrives, and an operator may cancel too: one that
    comes during the clean end does not cut it short."""
    while True:
        try:
            return await work.end_early(error)
        except TerminalError as again:
            if not is_cancel(again):
                raise


@task.handler()
async def interrupt(ctx: WorkflowSharedContext, message: p.Interrupt) -> p.Nothing:
    """A message arrived: resolve the promise that `run` races its work against."""
    try:
        await ctx.promise(f"interrupt-{message.seq}", type_hint=int).resolve(message.seq)
    except TerminalError as error:
        if error.status_code != 409 or is_cancel(error):  # else: an earlier delivery
            raise
    return p.Nothing()


@task.handler()
async def status(ctx: WorkflowSharedContext, _: p.Nothing) -> p.TaskStatus:
    """The plan as last shown."""
    return await ctx.get(STATUS, type_hint=p.TaskStatus) or p.TaskStatus()
