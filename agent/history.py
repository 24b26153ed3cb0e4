"""Owns the order and the identity of what people wrote in a thread: pure functions on its entries.

Deliveries come doubled, late and out of order. Sequence numbers count arrivals; Slack's ts orders
what is read.
"""

from collections.abc import Iterable

from agent import protocol as p

MOST_EARLY_EDITS = 50


def append(
    entries: list[p.HistoryEntry], message: p.UserMessage | p.ThreadMessage, *, quiet: bool = False
) -> None:
    entries.append(
        p.HistoryEntry(
            seq=_next_seq(entries),
            ts=message.ts,
            author=message.author,
            text=message.text,
            client_msg_id=message.client_msg_id,
            files=message.files,
            quiet=quiet,
        )
    )


def append_edit(entries: list[p.HistoryEntry], edit: p.MessageEdit) -> None:
    entries.append(
        p.HistoryEntry(
            seq=_next_seq(entries),
            ts=edit.ts,
            author=edit.author,
            text=edit.text,
            edit=True,
            edit_ts=edit.edit_ts,
        )
    )


def order(entry: p.HistoryEntry) -> tuple[str, int]:
    """Sort key: when people wrote it; a change stands where it was made."""
    return entry.edit_ts or entry.ts, entry.seq


def newest_version(entries: Iterable[p.HistoryEntry], ts: str) -> p.HistoryEntry | None:
    """The message as it reads after all changes known so far."""
    versions = [entry for entry in entries if entry.ts == ts]
    return max(versions, key=lambda entry: (entry.edit_ts, entry.seq), default=None)


def keep_early(edits: dict[str, p.MessageEdit], edit: p.MessageEdit) -> None:
    """Remember the newest change of a message that is not here yet."""
    known = edits.get(edit.ts)
    if known is None or known.edit_ts < edit.edit_ts:
        edits[edit.ts] = edit
    while len(edits) > MOST_EARLY_EDITS:
        del edits[min(edits)]


def missed(
    entries: list[p.HistoryEntry], messages: Iterable[p.ThreadMessage], first: str
) -> list[p.ThreadMessage]:
    """Instructions that stand in the thread, came after the first one and never reached us."""
    ids = {entry.client_msg_id for entry in entries if entry.client_msg_id}
    known = {entry.ts for entry in entries}
    return [
        m
        for m in messages
        if m.ts > first
        and m.for_us
        and not (m.ours or m.author.outsider)
        and m.ts not in known
        and m.client_msg_id not in ids
    ]


def append_unseen_edits(entries: list[p.HistoryEntry], messages: Iterable[p.ThreadMessage]) -> None:
    """What stands in the thread otherwise than it came to us was changed before we could hear."""
    for m in messages:
        known = newest_version(entries, m.ts)
        if known is not None and not known.edit_ts and known.text != m.text and m.text:
            edit = p.HistoryEntry(
                seq=_next_seq(entries),
                ts=m.ts,
                author=m.author,
                text=m.text,
                edit=True,
                edit_ts=m.ts,
            )
            entries.append(edit)


def written_until(entries: list[p.HistoryEntry], at: str) -> int:
    """Highest sequence number before the first entry written after `at`; empty: of all."""
    later = [entry.seq for entry in entries if at and (entry.edit_ts or entry.ts) > at]
    return min(later, default=_next_seq(entries)) - 1


def interrupting(entries: list[p.HistoryEntry], told: int) -> list[int]:
    """Sequence numbers a running task must be told of after the newest arrival, when it was told of
    those up to `told`: none for a quiet one; else all of them, since the task waits for the lowest
    it has not read."""
    if not entries or entries[-1].quiet:
        return []
    return [entry.seq for entry in entries if entry.seq > told]


def digest(done: p.TaskDone, asked: Iterable[p.HistoryEntry]) -> p.TaskDigest:
    """What later tasks know of a finished one, with what people had asked."""
    return p.TaskDigest(
        task=done.task,
        outcome=done.outcome,
        summary=done.summary,
        request=" / ".join(f"{e.author.name or e.author.user_id}: {e.text}" for e in asked)[:500],
    )


def judged(digest: p.TaskDigest, feedback: p.Feedback) -> p.TaskDigest:
    """With this person's judgement in place of an earlier one; an older one changes nothing."""
    others = [f for f in digest.feedback if f.by.user_id != feedback.by.user_id]
    mine = [f for f in digest.feedback if f.by.user_id == feedback.by.user_id]
    newest = max([*mine, feedback], key=lambda f: f.at)
    return digest.model_copy(update={"feedback": [*others, newest]})


def title_of(text: str) -> str:
    """The first line of the first message, short enough for a list."""
    first = text.strip().splitlines()[0] if text.strip() else "New session"
    first = first[:1].upper() + first[1:]
    return first if len(first) <= 80 else first[:79].rstrip() + "…"


def _next_seq(entries: list[p.HistoryEntry]) -> int:
    return entries[-1].seq + 1 if entries else 1
