"""Owns noticing that a task ended without a word, because an operator killed it.

One invocation per task that waits for the task's end, suspended, without a process. A task that
ends in any other way has told its session itself.
"""

import restate
from restate import Context, Service

from agent import calls, events
from agent import protocol as p
from agent.child import answer_of
from agent.retries import PROMPT

watch = Service("Watch", invocation_retry_policy=PROMPT)

LAST_REV = 1_000_000
"""Of the plan message; the task itself counts up from one."""
BEYOND_ALL = 2**31
"""No message has this sequence number."""

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class WatchRequest(p.Wire):
    thread: p.ThreadRef
    task: str
    invocation: str


@watch.handler()
async def until_ended(ctx: Context, request: WatchRequest) -> p.Nothing:
    """Report the end of a task that was killed, as it would have done itself."""
    if await answer_of(ctx, request.invocation) is None:
        log.warning("%s ended without a report", request.task)
        await _report(ctx, request)
    return p.Nothing()


async def _report(ctx: Context, request: WatchRequest) -> None:
    """Messages up to now count as read: what an operator ended must not begin again by itself."""
    none = p.ReadRequest(after_seq=BEYOND_ALL)  # only how far they go
    unread = await calls.call(ctx, p.READ_UNREAD, request.thread.key, none)
    summary = "It was ended from outside. What is done so far is kept; write again to go on."
    status = await calls.call(ctx, p.TASK_STATUS, request.task, p.Nothing())
    if status.plan is not None:
        steps = [
            step.model_copy(update={"status": "pending"}) if step.status == "in_progress" else step
            for step in status.plan.steps
        ]
        plan = status.plan.model_copy(
            update={
                "state": "stopped",
                "steps": steps,
                "note": "",
                "finished_at": await events.now(ctx),
            }
        )
        events.show(ctx, request.thread, f"plan:{request.task}", LAST_REV, plan, urgent=True)
    done = p.TaskDone(
        task=request.task,
        last_seq=unread.last_seq,
        outcome="stopped",
        summary=summary,
        cut_off=True,
    )
    result = p.ResultBody(task=request.task, outcome="stopped", summary=summary, downloadable=True)
    events.show(ctx, request.thread, f"result:{request.task}", 1, result, urgent=True)
    calls.send(ctx, p.ON_TASK_DONE, request.thread.key, done)
