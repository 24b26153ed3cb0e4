"""Owns what is remembered of finished tasks: a digest of each, bounded, and what many come to.

Pure functions. A summary written by the model is better than the plain one here, which takes its
place when none is to be had, so that nothing grows without bound.
"""

from collections.abc import Iterable

from agent import protocol as p

KEPT = 8
"""With more digests than this, the oldest are summarised."""
LEFT = 2
"""So many of the newest stay as they are: people mostly come back to what was done last."""
ROOM = 12_000
"""Characters of all digests that a task is told; more are summarised."""
MOST = 24
"""Of those that wait for the model's summary."""
REQUEST_CHARACTERS = 500
DIGEST_CHARACTERS = 1500
SUMMARY_CHARACTERS = 4000
LINE_CHARACTERS = 160
MOST_FEEDBACK = 20


def of(done: p.TaskDone, asked: Iterable[p.HistoryEntry]) -> p.TaskDigest:
    """What is kept of a finished task for ever, with what people had asked."""
    request = " / ".join(f"{e.author.name or e.author.user_id}: {_said(e)}" for e in asked)
    return p.TaskDigest(
        task=done.task,
        outcome=done.outcome,
        summary=done.summary,
        request=request[:REQUEST_CHARACTERS],
        last_seq=done.last_seq,
    )


def clipped(digest: p.TaskDigest) -> p.TaskDigest:
    """As later tasks are told of it."""
    summary = cut(digest.summary, DIGEST_CHARACTERS)
    request = digest.request[:REQUEST_CHARACTERS]
    return digest.model_copy(update={"summary": summary, "request": request})


def is_clipped(digest: p.TaskDigest) -> bool:
    """Whether more is known of the task than this; see `clipped`."""
    cut_summary = len(digest.summary) >= DIGEST_CHARACTERS
    return cut_summary or len(digest.request) >= REQUEST_CHARACTERS


def judged(digest: p.TaskDigest, feedback: p.Feedback) -> p.TaskDigest:
    """With this person's judgement in place of an earlier one; an older one changes nothing."""
    others = [f for f in digest.feedback if f.by.user_id != feedback.by.user_id]
    mine = [f for f in digest.feedback if f.by.user_id == feedback.by.user_id]
    newest = max([*mine, feedback], key=lambda f: f.at)
    return digest.model_copy(update={"feedback": [*others, newest][-MOST_FEEDBACK:]})


def due(digests: list[p.TaskDigest]) -> list[p.TaskDigest]:
    """The oldest ones that should be summarised now; mostly none."""
    if len(digests) > KEPT or _size(digests) > ROOM:
        return digests[:-LEFT]
    return []


def overdue(digests: list[p.TaskDigest]) -> list[p.TaskDigest]:
    """Those that have waited for too long for the model to summarise them."""
    return digests[:-KEPT] if len(digests) > MOST else []


def within_room(summary: str, digests: list[p.TaskDigest]) -> tuple[str, list[p.TaskDigest]]:
    """Summary and digests as a task is told them while the newest summary is not there yet."""
    first = 0
    while _size(digests[first:]) > ROOM:
        first += 1
    return plain(summary, digests[:first]), digests[first:]


def plain(summary: str, digests: Iterable[p.TaskDigest]) -> str:
    """`summary` with a line for each digest; of too much the middle is left out."""
    lines = [f"- {d.outcome}: {_line(d.summary)} (asked: {_line(d.request)})" for d in digests]
    return cut("\n".join([*filter(None, [summary]), *lines]), SUMMARY_CHARACTERS)


def cut(text: str, limit: int, mark: str = "\n[…]\n") -> str:
    """At most `limit` characters: the beginning, which says what it is about, and the end."""
    if len(text) <= limit:
        return text
    head = (limit - len(mark)) * 2 // 5
    return text[:head] + mark + text[len(text) - (limit - len(mark) - head) :]


def _said(entry: p.HistoryEntry) -> str:
    names = ", ".join(file.name for file in entry.files)
    return f"{entry.text} (attached {names})".lstrip() if names else entry.text


def _size(digests: Iterable[p.TaskDigest]) -> int:
    return sum(len(d.summary) + len(d.request) for d in digests)


def _line(text: str) -> str:
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if len(first) <= LINE_CHARACTERS else first[: LINE_CHARACTERS - 1] + "…"
