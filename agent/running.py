"""Owns a session's one running task: when it begins, what it is told of, how it is stopped; and the
status beside the thread, which says so.

Part of the session's handlers, like `agent.arrivals`. The order of keeping the state and telling
the task matters: a task reads what is kept.
"""

from restate import ObjectContext

from agent import archive, calls, events, history, task, watch
from agent import protocol as p
from agent.session_state import SessionState

UNREAD_SECONDS = 120.0
"""A thread that is not read by then is asked for again with the next message."""


async def go_on(ctx: ObjectContext, state: SessionState) -> None:
    """With one message more: tell the running task, or start one."""
    if state.task is None:
        await presence(
            ctx,
            state,
            "processing",
            text="planning…",
            title=state.title,
            initiator=state.initiator.user_id,
        )
        if not state.reading:
            await start(ctx, state)
        elif state.last_seq > 1 and await events.now(ctx) - float(state.began) > UNREAD_SECONDS:
            calls.send(ctx, p.READ_THREAD, None, p.ReadThread(thread=state.thread))
    told: list[int] = []
    if state.task:
        told = history.interrupting(state.entries, state.last_seq, state.told_seq)
    state.told_seq = max([state.told_seq, *told])
    await save(ctx, state)  # before the task is told: it reads what is kept
    for seq in told:
        ctx.workflow_send(task.interrupt, str(state.task), p.Interrupt(seq=seq))


async def start(ctx: ObjectContext, state: SessionState) -> None:
    """A task for all messages that nobody has read."""
    state.task_number += 1
    state.task = f"{state.thread.key}/{state.task_number}"
    request = p.TaskRequest(
        thread=state.thread, number=state.task_number, after_seq=state.consumed_seq
    )
    state.told_seq = state.last_seq  # it reads these without being told
    archive.keep(ctx, state)  # before it begins: it reads what is kept, whatever becomes of us now
    handle = ctx.workflow_send(task.run, state.task, request)
    state.invocation = await handle.invocation_id()
    watched = watch.WatchRequest(thread=state.thread, task=state.task, invocation=state.invocation)
    ctx.service_send(watch.until_ended, watched)


def stop(ctx: ObjectContext, state: SessionState, by: p.Person, until: int) -> None:
    """Cancel the running task, once: a second cancel would cut the clean-up short."""
    first = state.stopping is None and state.invocation is not None
    if first:
        state.stopping, state.stop_seq = by, until
    archive.keep(ctx, state)  # before the cancel: what it ends reads who stopped it
    if first and state.invocation is not None:
        ctx.cancel_invocation(state.invocation)


async def close(ctx: ObjectContext, state: SessionState, by: p.Person) -> None:
    """Nobody can answer in this thread any more the way it was begun: end what runs in it."""
    state.closed = True
    if state.task is None:
        state.reading, state.consumed_seq = False, state.last_seq
        await presence(ctx, state, "closed", title=state.title)
    stop(ctx, state, by, state.last_seq)


async def presence(
    ctx: ObjectContext,
    state: SessionState,
    shown: p.PresenceState,
    *,
    text: str = "",
    title: str = "",
    initiator: str = "",
) -> None:
    """The status beside the thread, to be kept with the state. Revisions were times once, so they
    begin there, but no two are the same and none goes back with a clock."""
    state.presence_rev = max(state.presence_rev + 1, int(await events.now(ctx) * 1000))
    rev, words = state.presence_rev, {"text": text, "title": title, "initiator": initiator}
    events.presence(ctx, state.thread, rev, shown, **words)


async def save(ctx: ObjectContext, state: SessionState) -> None:
    """With what the lists of sessions show of it, for everybody in the thread."""
    archive.keep(ctx, state)
    card = state.card(await events.now(ctx))
    for person in state.people.values():
        key = f"{state.thread.team}:{person.user_id}"
        calls.send(ctx, p.REMEMBER_SESSION, key, card)
