"""Owns one question that only people answer: who may, until when, and the one true outcome.

The wait holds no process. Whoever resolves the promise first wins: a click, the deadline, or the
work that asked being interrupted. The card in the thread is edited from here, so it shows the
outcome
that counted, not the last click.
"""

import hashlib
from datetime import timedelta

from restate import (
    DurablePromise,
    TerminalError,
    Workflow,
    WorkflowContext,
    WorkflowSharedContext,
    select,
)

from agent import events
from agent import protocol as p
from agent.retries import PROMPT
from sandbox.durable import is_cancel

approval = Workflow(
    p.APPROVAL,
    invocation_retry_policy=PROMPT,
    inactivity_timeout=timedelta(seconds=10),
)

REQUEST = "request"
OUTCOME = "outcome"


def action_key(task: str, call: str, command: str, workdir: str, generation: int) -> str:
    """Key of the approval for exactly this call of this action: it is never valid for another."""
    text = "\0".join([call, command, workdir, str(generation)])
    return f"{task}/{hashlib.sha256(text.encode()).hexdigest()[:20]}"


@approval.main()
async def run(ctx: WorkflowContext, request: p.ApprovalRequest) -> p.ApprovalOutcome:
    """Ask in the thread and wait. A cancel withdraws the question, then is raised again."""
    ctx.set(REQUEST, request)
    promise = ctx.promise(OUTCOME, type_hint=p.ApprovalOutcome)
    slot = f"approval:{request.approval}"
    events.show(ctx, request.thread, slot, 1, p.ApprovalBody(request=request), urgent=True)
    await events.presence(ctx, request.thread, "suspended", text="waiting for your answer")
    try:
        remaining = request.expires_at - await events.now(ctx)
        deadline = ctx.sleep(timedelta(seconds=max(remaining, 0.0)), name="deadline")
        winner = await select(answer=promise.value(), deadline=deadline)
        outcome = (
            winner[1]
            if winner[0] == "answer"
            else await _close(promise, p.ApprovalOutcome(verdict="expired", at=request.expires_at))
        )
    except TerminalError as error:
        if not is_cancel(error):
            raise
        withdrawn = p.ApprovalOutcome(verdict="withdrawn", at=await events.now(ctx))
        outcome = await _close(promise, withdrawn)
        _show_outcome(ctx, slot, request, outcome)
        raise
    _show_outcome(ctx, slot, request, outcome)
    await events.presence(ctx, request.thread, "processing", text="working…")
    return outcome


@approval.handler()
async def decide(ctx: WorkflowSharedContext, answer: p.ApprovalAnswer) -> p.AnswerReceipt:
    """Take one person's answer, if this person may give it and nobody was first."""
    request = await ctx.get(REQUEST, type_hint=p.ApprovalRequest)
    if request is None:
        return p.AnswerReceipt(accepted=False, refusal="This question is not open any more.")
    refusal = refuse(request, answer)
    if refusal:
        return p.AnswerReceipt(accepted=False, refusal=refusal)
    promise = ctx.promise(OUTCOME, type_hint=p.ApprovalOutcome)
    at = await events.now(ctx)
    verdict: p.Verdict = "answered"
    if request.kind == "command":
        verdict = "approved" if answer.decision == "approve" else "denied"
    if at >= request.expires_at:
        verdict = "expired"
    mine = p.ApprovalOutcome(verdict=verdict, by=answer.by, at=at, answer=answer.answer)
    true = await _close(promise, mine)
    return p.AnswerReceipt(accepted=true == mine and verdict != "expired", outcome=true)


def refuse(request: p.ApprovalRequest, answer: p.ApprovalAnswer) -> str:
    """One sentence when this person may not give this answer; empty when they may."""
    person = answer.by
    if person.outsider:
        return "People from outside this workspace cannot answer this."
    if person.user_id != request.requester.user_id and person.user_id not in request.approvers:
        allowed = ", ".join(f"<@{u}>" for u in [request.requester.user_id, *request.approvers])
        return f"Only {allowed} can answer this."
    if request.kind == "command" and answer.decision == "answer":
        return "This asks for Approve or Deny."
    if request.kind == "question" and answer.answer not in request.options:
        return "That is not one of the choices."
    return ""


def _show_outcome(
    ctx: WorkflowContext, slot: str, request: p.ApprovalRequest, outcome: p.ApprovalOutcome
) -> None:
    body = p.ApprovalBody(request=request, outcome=outcome)
    events.show(ctx, request.thread, slot, 2, body, urgent=True)


async def _close(
    promise: DurablePromise[p.ApprovalOutcome], outcome: p.ApprovalOutcome
) -> p.ApprovalOutcome:
    """Resolve with `outcome` unless somebody was first; returns what counted."""
    try:
        await promise.resolve(outcome)
    except TerminalError as error:
        if error.status_code == 409 and not is_cancel(error):
            return await promise.value()
        raise
    return outcome
