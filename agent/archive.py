"""Owns how everything that was ever said to a session is stored, so that the five hundredth message
costs no more than the tenth.

The newest entries are at hand in the session's state; older ones stand in chunks that are written
once. A record per message finds it by its ts and its client_msg_id, and one per task keeps how it
ended. Nothing of it is loaded before it is asked for.
"""

from pydantic import BaseModel
from restate import ObjectContext, ObjectSharedContext

from agent import digests
from agent import protocol as p
from agent.history import Identity
from agent.session_state import SessionState

STATE, CONTEXT = "session", "context"

AnyObject = ObjectContext | ObjectSharedContext


class Chunk(BaseModel):
    entries: list[p.HistoryEntry]
    tasks: int = 0
    """How many tasks had ended when it was written; those since the chunk before belong to it."""


class Gesture(BaseModel):
    """The message of a client_msg_id."""

    ts: str


class Context(BaseModel):
    """What people had said in the thread before the first message to us."""

    messages: list[p.ThreadMessage] = []


# --- the state at hand ----------------------------------------------------------------------------


async def load(ctx: ObjectContext) -> SessionState | None:
    """The state, to be changed; one of an older release is moved into the archive first."""
    state = await ctx.get(STATE, type_hint=SessionState)
    if state is not None and state.is_of_older_release:
        _move(ctx, state)
    return state


async def look(ctx: ObjectSharedContext) -> SessionState | None:
    """The state, to be read only."""
    state = await ctx.get(STATE, type_hint=SessionState)
    if state is not None and state.is_of_older_release:
        state.catch_up()
    return state


def keep(ctx: ObjectContext, state: SessionState) -> None:
    """Store the state; what is no longer at hand is in the archive before."""
    for entries in state.take_chunks():
        ctx.set(f"transcript/{state.chunks}", Chunk(entries=entries, tasks=state.tasks_ended))
        state.chunks += 1
        state.chunked_tasks = state.tasks_ended
    ctx.set(STATE, state)


def _move(ctx: ObjectContext, state: SessionState) -> None:
    for digest in state.digests:
        ctx.set(f"task/{number_of(digest.task)}", digest)
    for entry in state.entries:  # in order, so the newest version stays
        remember(ctx, entry)
    ctx.set(CONTEXT, Context(messages=state.context))
    state.catch_up()
    state.context = []
    keep(ctx, state)


# --- messages -------------------------------------------------------------------------------------


def remember(ctx: ObjectContext, entry: p.HistoryEntry) -> None:
    """Know this version of its message from now on."""
    ctx.set(f"message/{entry.ts}", Identity.of(entry))
    if entry.client_msg_id:
        ctx.set(f"gesture/{entry.client_msg_id}", Gesture(ts=entry.ts))


async def find(ctx: AnyObject, ts: str) -> Identity | None:
    return await ctx.get(f"message/{ts}", type_hint=Identity)


async def knows(ctx: AnyObject, ts: str, client_msg_id: str | None) -> bool:
    """One gesture may be delivered under two timestamps, and one message without its id."""
    if await find(ctx, ts) is not None:
        return True
    if not client_msg_id:
        return False
    return await ctx.get(f"gesture/{client_msg_id}", type_hint=Gesture) is not None


async def since(ctx: AnyObject, state: SessionState, after: int) -> list[p.HistoryEntry]:
    """All entries above this sequence number, in order of arrival."""
    found = [entry for entry in state.entries if entry.seq > after]
    first, number = state.last_seq - len(state.entries) + 1, state.chunks
    while number and first > after + 1:
        number -= 1
        chunk = await read_chunk(ctx, number)
        found = [*(entry for entry in chunk.entries if entry.seq > after), *found]
        first = chunk.entries[0].seq
    return found


async def context(ctx: AnyObject, state: SessionState) -> list[p.ThreadMessage]:
    stored = await ctx.get(CONTEXT, type_hint=Context)
    return stored.messages if stored else state.context


def keep_context(ctx: ObjectContext, state: SessionState, messages: list[p.ThreadMessage]) -> None:
    state.context_rev += 1
    ctx.set(CONTEXT, Context(messages=messages))


# --- tasks ----------------------------------------------------------------------------------------


def number_of(task: str) -> int:
    """Of a task's key, `<session>/<n>`."""
    return int(task.rpartition("/")[2])


def add_task(ctx: ObjectContext, digest: p.TaskDigest) -> None:
    ctx.set(f"task/{number_of(digest.task)}", digest)


async def task_of(ctx: AnyObject, number: int) -> p.TaskDigest | None:
    """How a task ended, unshortened; None for one that has not, and for some of older releases."""
    return await ctx.get(f"task/{number}", type_hint=p.TaskDigest)


async def judge_task(ctx: ObjectContext, feedback: p.Feedback) -> None:
    """Keep what somebody thinks of it, however long ago it ended."""
    digest = await task_of(ctx, number_of(feedback.task))
    if digest is not None and digest.task == feedback.task:
        add_task(ctx, digests.judged(digest, feedback))


# --- everything -----------------------------------------------------------------------------------


async def page(ctx: ObjectSharedContext, state: SessionState, number: int) -> p.TranscriptPage:
    """One chunk, or what is at hand after the last one."""
    last = number >= state.chunks
    chunk = Chunk(entries=state.entries, tasks=state.tasks_ended)
    if not last:
        chunk = await read_chunk(ctx, number)
    elif number > state.chunks:
        return p.TranscriptPage()
    before = state.chunked_tasks if last else 0
    if 0 < number < state.chunks:
        before = (await read_chunk(ctx, number - 1)).tasks
    ended = [await task_of(ctx, number) for number in range(before + 1, chunk.tasks + 1)]
    return p.TranscriptPage(entries=chunk.entries, tasks=[d for d in ended if d], last=last)


async def read_chunk(ctx: AnyObject, number: int) -> Chunk:
    """Args: `number` is below `SessionState.chunks`; 0 is the oldest."""
    chunk = await ctx.get(f"transcript/{number}", type_hint=Chunk)
    assert chunk is not None, f"chunk {number} is written before it is counted"
    return chunk
