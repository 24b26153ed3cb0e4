"""Owns what the model reads of people, plans and files: the opening items of each conversation.

Bytes are a pure function of journaled values, so a replay rebuilds the same request. Words of
people are quoted under their names; they are material, not rules. Of an image only a reference
stands here: `agent.model` puts in what is seen when the request is sent.
"""

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

from agent import plans
from agent import protocol as p

Item = dict[str, Any]

CONTEXT_CHARACTERS = 20_000
NAME_CHARACTERS = 100
NAMED_CHARACTERS = 300
"""Of a message that was changed or deleted."""
IMAGES = {".png", ".jpg", ".jpeg", ".gif", ".webp"}


def user(text: str, images: Iterable[str] = ()) -> Item:
    """Args: `images` are paths in the project."""
    seen = [{"type": "input_image", "file": path, "detail": "auto"} for path in images]
    content = [{"type": "input_text", "text": text}, *seen]
    return {"type": "message", "role": "user", "content": content}


def tool_output(call_id: str, text: str) -> Item:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def for_planner(
    messages: list[p.HistoryEntry],
    digests: list[p.TaskDigest],
    plan: p.Plan | None,
    files: list[str],
    seen_before: int,
    context: list[p.ThreadMessage] | None = None,
    *,
    summary: str = "",
    guidance: str = "",
    repository: str = "",
    answers: list[p.Answered] | None = None,
    trouble: str = "",
) -> list[Item]:
    """One user item.

    Args:
        messages: everything this task has read, in order.
        plan: the interrupted plan, if any.
        files: paths in the project.
        seen_before: highest sequence number the interrupted plan already knew.
        context: what stood in the thread before we were mentioned in it.
        summary: what the tasks before `digests` came to.
        guidance: what the project says to those who work on it.
        repository: where the project comes from, or why it could not be had.
        answers: questions of earlier drafts, and what came of them.
        trouble: why the plan so far did not work out.
    """
    rows = _messages(messages)
    known = [row for m, row in zip(messages, rows, strict=True) if m.seq <= seen_before]
    fresh = [row for m, row in zip(messages, rows, strict=True) if m.seq > seen_before]
    parts = [
        *_before(context, guidance, repository, summary, digests),
        _section("Messages", known),
        _section("Plan so far", [plans.as_text(plan, "planner")] if plan else []),
        _section("New messages" if plan else "Messages", fresh),
        _section("Your questions", [_answered(a) for a in answers or []]),
        _section("What went wrong", [_quoted(trouble)] if trouble else []),
        _section("Files of the project", files),
    ]
    return [user("\n\n".join(part for part in parts if part), _images(messages))]


def for_worker(
    messages: list[p.HistoryEntry],
    digests: list[p.TaskDigest],
    plan: p.Plan,
    step: p.PlanStep,
    context: list[p.ThreadMessage] | None = None,
    *,
    summary: str = "",
    guidance: str = "",
    repository: str = "",
    answers: list[p.Answered] | None = None,
) -> list[Item]:
    """One user item: the request, the plan with outcomes, and the step to do now."""
    parts = [
        *_before(context, guidance, repository, summary, digests),
        _section("Messages", _messages(messages)),
        _section("Your questions", [_answered(a) for a in answers or []]),
        _section("Goal", [plan.goal]),
        _section("Assumptions", [f"- {text}" for text in plan.assumptions]),
        _section("Plan", [plans.as_text(plan, "worker")]),
        f"Current step: {step.id} — {step.title}\n{step.detail}\nDone when: {step.done_when}",
    ]
    return [user("\n\n".join(part for part in parts if part), _images(messages))]


def _before(
    context: list[p.ThreadMessage] | None,
    guidance: str,
    repository: str,
    summary: str,
    digests: list[p.TaskDigest],
) -> list[str]:
    """What stands before the messages, for planner and worker alike."""
    return [
        _context(context),
        _guidance(guidance),
        _section("Repository", [repository] if repository else []),
        _section("Summary of earlier work", [_quoted(summary)] if summary else []),
        _section("Earlier tasks in this thread", [_digest(d) for d in digests]),
    ]


def _section(title: str, rows: list[str]) -> str:
    return f"# {title}\n" + "\n".join(rows) if rows else ""


def _quoted(text: str) -> str:
    """Line by line behind a mark, so that no heading in it passes for one of ours."""
    return "\n".join(f"> {line}" for line in text.strip().splitlines())


def _guidance(text: str) -> str:
    rows = [_quoted(text)] if text.strip() else []
    return _section("Notes in the project for those who work on it", rows)


def _answered(answered: p.Answered) -> str:
    who = f" ({_name(answered.by)})" if answered.by else ""
    answer = answered.answer or "see the messages"
    return f"- {answered.question}\n  {answer}{who}"


def _messages(entries: list[p.HistoryEntry]) -> list[str]:
    """A row each; a correction names what it corrects, when that is among them."""
    rows, said = [], dict[str, str]()
    for entry in entries:
        rows.append(_message(entry, said.get(entry.ts, "")))
        said[entry.ts] = entry.text
    return rows


def _message(entry: p.HistoryEntry, before: str) -> str:
    who = _name(entry.author)
    was = " ".join(before.split())
    was = was if len(was) <= NAMED_CHARACTERS else f"{was[:NAMED_CHARACTERS]}…"
    if not entry.edit:
        return "\n".join([f"<{who}> {entry.text}", *_attached(entry)])
    if not entry.text:
        return f"@{who} deleted the message “{was}”" if was else f"@{who} deleted a message"
    changed = f" “{was}” to" if was else ""
    return f"@{who} changed{changed}: {entry.text}"


def _attached(entry: p.HistoryEntry) -> list[str]:
    """One row for each file that came with the message."""
    if not entry.taken:
        return [f"(attached {_file(f.name, f.size_bytes)}, not taken in)" for f in entry.files]
    return [
        f"(attached {_shown(t.name)} could not be taken: {t.problem})"
        if not t.path
        else f"(attached: {_file(t.path, t.size_bytes)})"
        for t in entry.taken
    ]


def _context(messages: list[p.ThreadMessage] | None) -> str:
    """The newest of it, as far as there is room."""
    rows: list[str] = []
    room = CONTEXT_CHARACTERS
    for message in reversed(messages or []):
        row = _said(message)
        room -= len(row)
        if room < 0:
            rows.append("(earlier messages are left out)")
            break
        rows.append(row)
    return _section("Said in the thread before you were mentioned", rows[::-1])


def _said(message: p.ThreadMessage) -> str:
    who = "you" if message.ours else _name(message.author)
    aside = "" if message.ours or message.for_us else " (not to you)"
    files = [f"(attached {_file(f.name, f.size_bytes)}, not taken in)" for f in message.files]
    return "\n".join([f"<{who}>{aside} {message.text}", *files])


def _name(person: p.Person) -> str:
    return person.name or person.user_id


def _file(name: str, size: int) -> str:
    for unit, bytes_in_it in (("MB", 1_000_000), ("kB", 1000)):
        if size >= bytes_in_it:
            return f"{_shown(name)}, {round(size / bytes_in_it)} {unit}"
    return f"{_shown(name)}, {size} bytes"


def _shown(name: str) -> str:
    """On one line, and nothing in it that hides or reorders."""
    plain = "".join(char if char.isprintable() else " " for char in name)
    return " ".join(plain.split())[:NAME_CHARACTERS]


def _images(messages: list[p.HistoryEntry]) -> list[str]:
    """Paths of the images people sent, oldest first."""
    return [
        taken.path
        for message in messages
        for taken in message.taken
        if PurePosixPath(taken.path).suffix.lower() in IMAGES
    ]


def _digest(digest: p.TaskDigest) -> str:
    return f"- asked: {digest.request}\n  {digest.outcome}: {digest.summary}"
