"""Owns the order and the identity of what people wrote in a thread: pure functions on its entries.

Deliveries come doubled, late and out of order. Sequence numbers count arrivals; Slack's ts orders
what is read.
"""

import hashlib
from collections.abc import Iterable

from pydantic import BaseModel

from agent import protocol as p
from agent.digests import cut

MOST_EARLY_EDITS = 50
EARLY_CHARACTERS = 100_000
READ_CHARACTERS = 120_000
"""Of all messages that one task reads; the longest of more are shortened."""
LEAST_CHARACTERS = 200
LEFT_OUT = "characters are left out here"


class Identity(BaseModel):
    """What is known of a message without reading it: its newest version."""

    edit_ts: str = ""
    text: str = ""
    """A hash; empty for no text."""
    files: bool = False

    @classmethod
    def of(cls, entry: p.HistoryEntry) -> "Identity":
        return cls(edit_ts=entry.edit_ts, text=_hash(entry.text), files=bool(entry.files))

    def is_changed_by(self, edit: p.MessageEdit) -> bool:
        """False for an older change, and for one that changes nothing for us."""
        deleted = not edit.text and self.files
        return edit.edit_ts > self.edit_ts and (deleted or _hash(edit.text) != self.text)

    def reads_otherwise(self, text: str) -> bool:
        """Whether it was changed, to `text`, without our hearing of it."""
        return bool(text) and not self.edit_ts and _hash(text) != self.text


def order(entry: p.HistoryEntry) -> tuple[str, int]:
    """Sort key: when people wrote it; a change stands where it was made."""
    return entry.edit_ts or entry.ts, entry.seq


def keep_early(edits: dict[str, p.MessageEdit], edit: p.MessageEdit) -> None:
    """Remember the newest change of a message that is not here yet."""
    known = edits.get(edit.ts)
    if known is None or known.edit_ts < edit.edit_ts:
        edits[edit.ts] = edit
    while len(edits) > MOST_EARLY_EDITS or (
        len(edits) > 1 and sum(len(e.text) for e in edits.values()) > EARLY_CHARACTERS
    ):
        del edits[min(edits)]


def written_until(unread: list[p.HistoryEntry], at: str, last_seq: int) -> int:
    """Highest sequence number before the first unread entry written after `at`; empty: of all."""
    later = [entry.seq for entry in unread if at and (entry.edit_ts or entry.ts) > at]
    return min(later, default=last_seq + 1) - 1


def interrupting(newest: list[p.HistoryEntry], last_seq: int, told: int) -> list[int]:
    """Sequence numbers a running task must be told of after the newest arrival, when it was told of
    those up to `told`: none for a quiet one; else all of them, since the task waits for the lowest
    it has not read."""
    if not newest or newest[-1].quiet:
        return []
    return list(range(told + 1, last_seq + 1))


def within_room(entries: list[p.HistoryEntry]) -> list[p.HistoryEntry]:
    """All of them, the longest shortened in the middle when together they are too long to read."""
    lengths = sorted(len(entry.text) for entry in entries)
    if sum(lengths) <= READ_CHARACTERS:
        return entries
    room, most = READ_CHARACTERS, 0
    for number, length in enumerate(lengths):
        most = room // (len(lengths) - number)  # what the rest may have each
        if length > most:
            break
        room -= length
    return [_shortened(entry, max(most, LEAST_CHARACTERS)) for entry in entries]


def title_of(text: str) -> str:
    """The first line of the first message, short enough for a list."""
    first = text.strip().splitlines()[0] if text.strip() else "New session"
    first = first[:1].upper() + first[1:]
    return first if len(first) <= 80 else first[:79].rstrip() + "…"


def in_chunks(
    entries: Iterable[p.HistoryEntry], most: int, most_bytes: int
) -> list[list[p.HistoryEntry]]:
    """In order, each at most `most` entries and `most_bytes` of JSON, or one entry alone."""
    chunks: list[list[p.HistoryEntry]] = [[]]
    size = 0
    for entry in entries:
        bytes_of_it = len(entry.model_dump_json().encode())
        if chunks[-1] and (len(chunks[-1]) == most or size + bytes_of_it > most_bytes):
            chunks.append([])
            size = 0
        chunks[-1].append(entry)
        size += bytes_of_it
    return chunks


def _shortened(entry: p.HistoryEntry, most: int) -> p.HistoryEntry:
    if len(entry.text) <= most:
        return entry
    mark = f"\n[… {len(entry.text) - most:,} {LEFT_OUT} …]\n"
    return entry.model_copy(update={"text": cut(entry.text, most, mark)})


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32] if text else ""
