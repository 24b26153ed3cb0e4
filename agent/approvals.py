"""Owns one question that only people answer: who may, until when, and the one true outcome.

The wait holds no process. Whoever resolves the promise first wins: a click, the deadline, a written
reply, or the work that asked being stopped. The card in the thread is edited from here, so it shows
the outcome that counted, not the last click.
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

from agent import calls, events
from agent import protocol as p
from agent.retries import PROMPT
from sandbox.durable import is_cancel

approval = Workflow(p.APPROVAL, invocation_retry_policy=PROMPT)

REQUEST = "request"
OUTCOME = "outcome"
MESSAGE_CHARS = 1000


def action_key(task: str, call: str, command: str, workdir: str, generation: int) -> str:
    """Key of the approval for exactly this call of this action: it is never valid for another."""
    text = "\0".join([call, command, workdir, str(generation)])
    return f"{task}/{hashlib.sha256(text.encode()).hexdigest()[:20]}"


@approval.main()
async def run(ctx: WorkflowContext, request: p.ApprovalRequest) -> p.ApprovalOutcome:
    """Ask in the thread and wait. A cancel closes the question, then is raised again."""
    ctx.set(REQUEST, request)
    promise = ctx.promise(OUTCOME, type_hint=p.ApprovalOutcome)
    _show(ctx, request, None)
    try:
        outcome = await _first(ctx, request, promise)
    except TerminalError as error:
        if not is_cancel(error):
            raise
        _show(ctx, request, await _close_after_cancel(ctx, request, promise))
        raise
    _show(ctx, request, outcome)
    return outcome


@approval.handler()
async def decide(ctx: WorkflowSharedContext, answer: p.ApprovalAnswer) -> p.AnswerReceipt:
    """Take one person's answer, if this person may give it and nobody was first."""
    request = await ctx.get(REQUEST, type_hint=p.ApprovalRequest)
    if request is None:
        return p.AnswerReceipt(accepted=False, refusal="This question is not open any more.")
    promise = ctx.promise(OUTCOME, type_hint=p.ApprovalOutcome)
    decided = await promise.peek()
    if decided is not None:
        return p.AnswerReceipt(accepted=False, outcome=decided)
    refusal = refuse(request, answer)
    if refusal:
        return p.AnswerReceipt(accepted=False, refusal=refusal)
    at = await events.now(ctx)
    verdict: p.Verdict = "answered"
    if request.is_decided:
        verdict = "approved" if answer.decision == "approve" else "denied"
    mine = p.ApprovalOutcome(verdict=verdict, by=answer.by, at=at, answer=answer.answer)
    if verdict == "approved":
        mine = mine.model_copy(update={"action": request.approval})
    if at >= request.expires_at:
        mine = _expired(request)
    true = await _close(promise, mine)
    return p.AnswerReceipt(accepted=true == mine and true.verdict != "expired", outcome=true)


@approval.handler()
async def peek(ctx: WorkflowSharedContext, _: p.Nothing) -> p.ApprovalView:
    """The question and its outcome so far."""
    request = await ctx.get(REQUEST, type_hint=p.ApprovalRequest)
    if request is None:
        return p.ApprovalView()
    outcome = await ctx.promise(OUTCOME, type_hint=p.ApprovalOutcome).peek()
    return p.ApprovalView(request=request, outcome=outcome)


# --- who may --------------------------------------------------------------------------------------


def refuse(request: p.ApprovalRequest, answer: p.ApprovalAnswer) -> str:
    """One sentence when this person may not give this answer; empty when they may."""
    refusal = not_allowed(request, answer.by, approve=answer.decision == "approve")
    if refusal:
        return refusal
    if request.is_decided and answer.decision == "answer":
        return "This asks for Approve or Deny."
    if not request.is_decided and answer.answer not in request.options:
        return "That is not one of the choices."
    return ""


def not_allowed(request: p.ApprovalRequest, person: p.Person, *, approve: bool) -> str:
    """Why this person may not answer; empty when they may."""
    if person.outsider:
        return "People from outside this workspace cannot answer this."
    named = {person.user_id, *person.groups} & set(request.approvers)
    if request.approvers_only and request.approvers:
        only = ", ".join(map(_mention, dict.fromkeys(request.approvers)))
        return "" if named else f"Only {only} can answer this."
    if person.user_id == request.requester.user_id:
        if approve and request.four_eyes:
            return f"You asked for this, so somebody else must approve it: {_others(request)}."
        return ""
    if named or (request.four_eyes and not request.approvers):
        return ""
    allowed = dict.fromkeys([request.requester.user_id, *request.approvers])
    return f"Only {', '.join(map(_mention, allowed))} can answer this."


def _others(request: p.ApprovalRequest) -> str:
    """Who may approve what the requester may not."""
    others = [one for one in request.approvers if one != request.requester.user_id]
    if request.approvers and not others:
        return "nobody else is named as an approver"
    return ", ".join(map(_mention, others)) or "any other member of this workspace"


def _mention(id_: str) -> str:
    return f"<!subteam^{id_}>" if id_.startswith("S") else f"<@{id_}>"


# --- the wait -------------------------------------------------------------------------------------


async def _first(
    ctx: WorkflowContext, request: p.ApprovalRequest, promise: DurablePromise[p.ApprovalOutcome]
) -> p.ApprovalOutcome:
    """The answer, or that time is over; on the way one reminder."""
    now = await events.now(ctx)
    answer = promise.value()
    deadline = ctx.sleep(_until(request.expires_at, now), name="deadline")
    if 0 < request.remind_at < request.expires_at:
        reminder = ctx.sleep(_until(request.remind_at, now), name="reminder")
        winner = await select(answer=answer, deadline=deadline, reminder=reminder)
        if winner[0] == "reminder":
            if await promise.peek() is None:
                _remind(ctx, request)
            winner = await select(answer=answer, deadline=deadline)
    else:
        winner = await select(answer=answer, deadline=deadline)
    if winner[0] == "answer":
        outcome: p.ApprovalOutcome = winner[1]
        return outcome
    return await _close(promise, _expired(request))


def _remind(ctx: WorkflowContext, request: p.ApprovalRequest) -> None:
    what = f"`{_short(request.command)}`" if request.command else _short(request.question)
    how = "Approve or deny it above" if request.is_decided else "Answer above, or in a reply"
    if request.kind == "budget":
        how = "Choose above"
    left = _in_words(request.expires_at - request.remind_at)
    asked = [] if request.approvers_only and request.approvers else [request.requester.user_id]
    body = p.NoteBody(
        text=f"Still waiting for an answer: {what}\n{how}; it expires in {left}.",
        mentions=list(dict.fromkeys([*asked, *request.approvers])),
    )
    events.show(ctx, request.thread, f"note:reminder:{request.approval}", 1, body)


async def _close_after_cancel(
    ctx: WorkflowContext, request: p.ApprovalRequest, promise: DurablePromise[p.ApprovalOutcome]
) -> p.ApprovalOutcome:
    """Close the question for the reason that the session knows. A second cancel, a stop after a
    message, does not leave the card open."""
    read = p.ReadRequest(after_seq=request.seen_seq)
    while True:
        try:
            unread = await calls.call(ctx, p.READ_UNREAD, request.thread.key, read)
            return await _close(promise, closed_by(request, unread, await events.now(ctx)))
        except TerminalError as error:
            if not is_cancel(error):
                raise


def closed_by(request: p.ApprovalRequest, unread: p.Unread, at: float) -> p.ApprovalOutcome:
    """Why the work that asked was cancelled. A written reply of somebody who may answer is a
    denial, or the answer of a question; whatever else people did withdraws it."""
    withdrawn = p.ApprovalOutcome(verdict="withdrawn", at=at)
    if unread.stopping is not None:
        return withdrawn.model_copy(update={"by": unread.stopping})
    loud = [m for m in unread.messages if m.seq > request.seen_seq > 0 and not m.quiet]
    for message in loud:
        if not message.edit and not not_allowed(request, message.author, approve=False):
            text = message.text.strip() or ", ".join(file.name for file in message.files)
            return p.ApprovalOutcome(
                verdict="denied" if request.is_decided else "answered",
                by=message.author,
                at=at,
                message=text[:MESSAGE_CHARS],
            )
    if loud:
        text = loud[0].text.strip()[:MESSAGE_CHARS] or "(deleted a message)"
        return withdrawn.model_copy(update={"by": loud[0].author, "message": text})
    return withdrawn


def _show(
    ctx: WorkflowContext, request: p.ApprovalRequest, outcome: p.ApprovalOutcome | None
) -> None:
    """The card, and whether the session waits for people."""
    slot = f"approval:{request.approval}"
    body = p.ApprovalBody(request=request, outcome=outcome)
    events.show(ctx, request.thread, slot, 2 if outcome else 1, body, urgent=True)
    waiting = p.Waiting(task=request.approval.rpartition("/")[0], waiting=outcome is None)
    calls.send(ctx, p.ON_WAITING, request.thread.key, waiting)


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


def _expired(request: p.ApprovalRequest) -> p.ApprovalOutcome:
    return p.ApprovalOutcome(verdict="expired", at=request.expires_at)


def _until(at: float, now: float) -> timedelta:
    return timedelta(seconds=max(at - now, 0.0))


def _short(text: str, limit: int = 200) -> str:
    """One line for a reminder; the card above holds the exact words."""
    line = "".join(c for c in " ".join(text.split()) if c.isprintable()).replace("`", "'")
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _in_words(seconds: float) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        count = round(seconds / length)
        if count >= 1:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return "a moment"
