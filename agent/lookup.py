"""Owns looking up what was said in a thread, word for word, for a task that knows a summary of it.

Oldest first and bounded: an answer says where to go on. Chunks are found by halving, and of a long
thread few are read.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime

from restate import ObjectSharedContext

from agent import archive, digests, history
from agent import protocol as p
from agent.session_state import SessionState
from agent.transcript import CONTEXT_CHARACTERS

MOST_SAID, ROOM = 40, 16_000
"""Messages and characters of one answer."""
MESSAGE_CHARACTERS = 4000
ENDING_CHARACTERS = 1500
"""Of each task that ended amid them; of one that was asked for, four times that."""
MOST_SEARCHED = 1000
"""Messages that one answer looks through."""


def is_worth(
    summary: str,
    told: list[p.TaskDigest],
    messages: list[p.HistoryEntry],
    context: list[p.ThreadMessage],
) -> bool:
    """Whether more was said than a task is told by these."""
    return (
        bool(summary)
        or any(digests.is_clipped(digest) for digest in told)
        or any(history.LEFT_OUT in message.text for message in messages)
        or sum(len(message.text) for message in context) > CONTEXT_CHARACTERS
    )


async def look_up(ctx: ObjectSharedContext, state: SessionState, request: p.LookUp) -> p.LookedUp:
    """What was said, as far as there is room for it."""
    first, last = max(request.from_seq, 1), min(request.until_seq, state.last_seq)
    if request.task:
        before = await archive.task_of(ctx, request.task - 1) if request.task > 1 else None
        ended = await archive.task_of(ctx, request.task)
        if ended is None:
            return p.LookedUp()
        first = max(first, before.last_seq + 1 if before else 1)
        last = min(last, ended.last_seq)
    page = _Page(request.query.casefold().split())
    if page.words and not request.from_seq and not request.task:
        for message in await archive.context(ctx, state):
            if page.takes(said := _of_context(message)):
                page.add(said)
    seq = first - 1
    async with aclosing(_from(ctx, state, first)) as entries:
        async for entry in entries:
            if entry.seq > last or page.is_full or entry.seq - first >= MOST_SEARCHED:
                break
            seq = entry.seq
            said = _of_entry(entry)
            if page.takes(said) and not await _is_superseded(ctx, entry):
                page.add(said)
    following = seq + 1 if seq < last else 0
    endings = [] if page.words else await _ended(ctx, state, request.task, first, seq)
    return p.LookedUp(said=page.said, ended=endings, next_seq=following)


class _Page:
    """What is told of it: all, or what holds the words looked for."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.said: list[p.Said] = []
        self._room = ROOM

    @property
    def is_full(self) -> bool:
        return len(self.said) >= MOST_SAID or self._room <= 0

    def takes(self, said: p.Said) -> bool:
        where = " ".join([said.text, said.who, *said.files]).casefold()
        return not self.is_full and all(word in where for word in self.words)

    def add(self, said: p.Said) -> None:
        text = _around(said.text, self.words)
        self.said.append(said.model_copy(update={"text": text}))
        self._room -= len(text)


def _around(text: str, words: list[str]) -> str:
    """The part of a very long text that holds the first of the words; without any, both ends."""
    if len(text) <= MESSAGE_CHARACTERS:
        return text
    found = [at for word in words if (at := text.casefold().find(word)) >= 0]
    if not found:
        mark = f"\n[… of {len(text):,} characters the middle is left out …]\n"
        return digests.cut(text, MESSAGE_CHARACTERS, mark)
    begin = max(min(found) - MESSAGE_CHARACTERS // 4, 0)
    part = text[begin : begin + MESSAGE_CHARACTERS]
    return f"[… characters {begin + 1:,} to {begin + len(part):,} of {len(text):,} …]\n{part}"


async def _is_superseded(ctx: ObjectSharedContext, entry: p.HistoryEntry) -> bool:
    """What its author changed or deleted since is not told as it was."""
    newest = await archive.find(ctx, entry.ts)
    return newest is not None and newest.edit_ts > entry.edit_ts


def _of_entry(entry: p.HistoryEntry) -> p.Said:
    return p.Said(
        n=entry.seq,
        at=_time(entry.edit_ts or entry.ts),
        who=entry.author.name or entry.author.user_id,
        text=entry.text,
        changed=entry.edit,
        files=[file.name for file in entry.files],
    )


def _of_context(message: p.ThreadMessage) -> p.Said:
    who = "you" if message.ours else message.author.name or message.author.user_id
    files = [file.name for file in message.files]
    return p.Said(n=0, at=_time(message.ts), who=who, text=message.text, files=files)


def _time(ts: str) -> str:
    return datetime.fromtimestamp(float(ts), UTC).strftime("%Y-%m-%d %H:%M")


# --- where it stands ------------------------------------------------------------------------------


async def _from(
    ctx: ObjectSharedContext, state: SessionState, first: int
) -> AsyncGenerator[p.HistoryEntry, None]:
    """All entries from this number on, oldest first."""

    async def ends_before(number: int) -> bool:
        return (await archive.read_chunk(ctx, number)).entries[-1].seq < first

    for number in range(await _halved(0, state.chunks, ends_before), state.chunks):
        for entry in (await archive.read_chunk(ctx, number)).entries:
            if entry.seq >= first:
                yield entry
    for entry in state.entries:
        if entry.seq >= first:
            yield entry


async def _ended(
    ctx: ObjectSharedContext, state: SessionState, asked: int, first: int, last: int
) -> list[p.TaskDigest]:
    """How the tasks ended that read their last message in this range."""

    async def ended_before(number: int) -> bool:
        digest = await archive.task_of(ctx, number)
        return digest is None or digest.last_seq < first

    most, found = ENDING_CHARACTERS * (4 if asked else 1), []
    start = asked or await _halved(1, state.tasks_ended + 1, ended_before)
    for number in range(start, asked + 1 if asked else state.tasks_ended + 1):
        digest = await archive.task_of(ctx, number)
        if digest is None:
            continue
        if digest.last_seq > last:
            break
        summary = digests.cut(digest.summary, most)
        found.append(digest.model_copy(update={"summary": summary, "request": ""}))
    return found


async def _halved(low: int, high: int, is_below: Callable[[int], Awaitable[bool]]) -> int:
    """The first of these numbers for which `is_below` does not hold; `high` for none."""
    while low < high:
        middle = (low + high) // 2
        if await is_below(middle):
            low = middle + 1
        else:
            high = middle
    return low
