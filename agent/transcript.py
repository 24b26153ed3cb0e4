"""Owns what the model reads of people, plans and files: the opening items of each conversation.

Bytes are a pure function of journaled values, so a replay rebuilds the same request. Words of
people
are quoted under their names; they are material, not rules.
"""

from typing import Any

from agent import plans
from agent import protocol as p

Item = dict[str, Any]


def user(text: str) -> Item:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


def tool_output(call_id: str, text: str) -> Item:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def for_planner(
    messages: list[p.HistoryEntry],
    digests: list[p.TaskDigest],
    plan: p.Plan | None,
    files: list[str],
    seen_before: int,
) -> list[Item]:
    """One user item.

    Args:
        messages: everything this task has read, in order.
        plan: the interrupted plan, if any.
        files: paths in the project.
        seen_before: highest sequence number the interrupted plan already knew.
    """
    known = [m for m in messages if m.seq <= seen_before]
    fresh = [m for m in messages if m.seq > seen_before]
    parts = [
        _section("Earlier tasks in this thread", [_digest(d) for d in digests]),
        _section("Messages", [_message(m) for m in known]),
        _section("Plan so far", [plans.as_text(plan, "planner")] if plan else []),
        _section("New messages" if plan else "Messages", [_message(m) for m in fresh]),
        _section("Files of the project", files),
    ]
    return [user("\n\n".join(part for part in parts if part))]


def for_worker(
    messages: list[p.HistoryEntry], digests: list[p.TaskDigest], plan: p.Plan, step: p.PlanStep
) -> list[Item]:
    """One user item: the request, the plan with outcomes, and the step to do now."""
    parts = [
        _section("Earlier tasks in this thread", [_digest(d) for d in digests]),
        _section("Messages", [_message(m) for m in messages]),
        _section("Goal", [plan.goal]),
        _section("Assumptions", [f"- {text}" for text in plan.assumptions]),
        _section("Plan", [plans.as_text(plan, "worker")]),
        f"Current step: {step.id} — {step.title}\n{step.detail}\nDone when: {step.done_when}",
    ]
    return [user("\n\n".join(part for part in parts if part))]


def _section(title: str, rows: list[str]) -> str:
    return f"# {title}\n" + "\n".join(rows) if rows else ""


def _message(entry: p.HistoryEntry) -> str:
    who = entry.author.name or entry.author.user_id
    if not entry.edit:
        return f"<{who}> {entry.text}"
    if not entry.text:
        return f"<{who}> (deleted an earlier message)"
    return f"<{who}> (changed an earlier message to) {entry.text}"


def _digest(digest: p.TaskDigest) -> str:
    return f"- asked: {digest.request}\n  {digest.outcome}: {digest.summary}"
