"""Owns how a tool puts one question to people and waits: bound to its call, single use, no process.

A written reply never comes back here: it cancels the step, and the question is closed by
`approvals.py`. What had been asked stays on the bench, for the next plan.
"""

from agent import approvals
from agent import protocol as p
from agent.tools.contract import Bench


async def ask(
    bench: Bench,
    place: str,
    call_id: str,
    question: str,
    *,
    command: str = "",
    workdir: str = "",
    options: list[str] | None = None,
    four_eyes: bool = False,
) -> p.ApprovalOutcome:
    """With `command` people approve or deny exactly that; without one they choose an option.

    Raises TerminalError when a message or a stop came first, and what `Bench.reacquire` raises.
    """
    call = f"{bench.run_id}/{place}/{call_id}"
    key = approvals.action_key(bench.task, call, command or question, workdir, bench.generation)
    config, asked_at = bench.config, await bench.ctx.time()
    remind = 0 < config.reminder_seconds < config.approval_seconds
    request = p.ApprovalRequest(
        kind="command" if command else "question",
        approval=key,
        thread=bench.thread,
        question=question,
        command=command,
        workdir=workdir,
        options=options or [],
        requester=bench.requester,
        approvers=config.approvers,
        four_eyes=four_eyes,
        seen_seq=bench.seen_seq,
        asked_at=asked_at,
        remind_at=asked_at + config.reminder_seconds if remind else 0.0,
        expires_at=asked_at + config.approval_seconds,
    )
    outcome = await bench.ctx.workflow_call(approvals.run, key, request)
    await bench.reacquire(place)  # days may have passed
    bench.asked = ""
    return outcome
