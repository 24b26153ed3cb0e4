"""Owns one Slack thread's durable session: its history, the running task's id, digests and totals.

Every exclusive handler takes milliseconds and waits for no work. Two invariants live here: each
message is read by exactly one task, in order, and there is never more than one task on a thread.
What a task does is not known here; what people see leaves as events.
"""

from datetime import timedelta

from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import arrivals, calls, events, history, task, watch
from agent import protocol as p
from agent.retries import PROMPT
from agent.session_state import EarlyEdits, SessionState

session = VirtualObject(p.SESSION, invocation_retry_policy=PROMPT)

STATE, EARLY = "session", "early edits"
LATE_SECONDS = 1.5
"""A reply waits a little longer than this for its session to begin."""
EARLY_KEPT = timedelta(minutes=15)
"""Slack delivers again for some six minutes."""


@session.handler()
async def on_message(ctx: ObjectContext, message: p.UserMessage) -> p.Nothing:
    """Take an instruction: append it, show 👀, and interrupt the running task or start one."""
    if message.author.outsider:
        return p.Nothing()  # the bot already said why; never an instruction
    known = await _load(ctx)
    if not message.addressed and (known is None or message.ts < known.began):
        return p.Nothing()  # said before anybody addressed us: context at most
    state = known or await _begin(ctx, message)
    if state.knows(message.ts, message.client_msg_id):
        return p.Nothing()
    if not arrivals.take_in(ctx, state, message):
        return p.Nothing()
    state.closed = False
    arrivals.sort_out_context(ctx, state)
    await _go_on(ctx, state)
    return p.Nothing()


@session.handler()
async def on_edit(ctx: ObjectContext, edit: p.MessageEdit) -> p.Nothing:
    """Take a changed or deleted message as a correction. Deleting the thread's first message ends
    the work."""
    if edit.author.outsider:
        return p.Nothing()
    state = await _load(ctx)
    if state is None:  # of the message that is going to begin the session
        early = await ctx.get(EARLY, type_hint=EarlyEdits) or EarlyEdits()
        history.keep_early(early.by_ts, edit)
        ctx.set(EARLY, early)
        ctx.object_send(forget_early, ctx.key(), p.Nothing(), send_delay=EARLY_KEPT)
        return p.Nothing()
    known = history.newest_version(state.entries, edit.ts)
    if known is None:
        history.keep_early(state.early_edits, edit)
        ctx.set(STATE, state)
        return p.Nothing()
    if known.edit_ts >= edit.edit_ts or known.text == edit.text:
        return p.Nothing()
    history.append_edit(state.entries, edit)
    if edit.ts == state.thread.root_ts and not edit.text:
        await _close(ctx, state, edit.author)
    else:
        await _go_on(ctx, state)
    return p.Nothing()


@session.handler()
async def forget_early(ctx: ObjectContext, _: p.Nothing) -> p.Nothing:
    """The message a change was kept for did not come, or did long ago."""
    ctx.clear(EARLY)
    return p.Nothing()


@session.handler()
async def on_begun(ctx: ObjectContext, _: p.Nothing) -> p.Nothing:
    """Sent by a new session to itself, so it runs when the session can be seen. Replies that came
    before found none: if there may be any, the thread is read now, not earlier."""
    state = await _load(ctx)
    if state is None:
        return p.Nothing()
    if state.reading or await events.now(ctx) - float(state.began or 0) > LATE_SECONDS:
        state.reading = True
        ctx.set(STATE, state)
        calls.send(ctx, p.READ_THREAD, None, p.ReadThread(thread=state.thread))
    return p.Nothing()


@session.handler()
async def on_context(ctx: ObjectContext, so_far: p.ThreadSoFar) -> p.Nothing:
    """Take in what stood in the thread when the session began, and start the work."""
    state = await _load(ctx)
    if state is None or not state.reading:
        return p.Nothing()
    state.reading = False
    state.context = [m for m in so_far.messages if not m.author.outsider]
    arrivals.sort_out_context(ctx, state)
    if so_far.problem:
        events.show(ctx, state.thread, "note:context", 1, p.NoteBody(text=so_far.problem))
    if state.last_seq > state.consumed_seq:
        await _go_on(ctx, state)
    else:
        ctx.set(STATE, state)
    return p.Nothing()


@session.handler()
async def on_feedback(ctx: ObjectContext, feedback: p.Feedback) -> p.Nothing:
    """Keep what somebody thinks of a finished task; their last word counts."""
    state = await _load(ctx)
    if state is None or feedback.by.outsider:
        return p.Nothing()
    state.digests = [
        history.judged(digest, feedback) if digest.task == feedback.task else digest
        for digest in state.digests
    ]
    ctx.set(STATE, state)
    return p.Nothing()


@session.handler()
async def stop(ctx: ObjectContext, request: p.StopRequest) -> p.Nothing:
    """Cancel the running task. The task itself says what was stopped once it has cleaned up."""
    state = await _load(ctx)
    if state is None:
        return p.Nothing()
    stopped = history.written_until(state.entries, request.at)
    if state.task is None or state.invocation is None:
        state.reading = state.reading and stopped < state.last_seq
        state.consumed_seq = max(state.consumed_seq, stopped)
        await _presence(ctx, state, "active")
        ctx.set(STATE, state)
        note = p.NoteBody(text="Nothing is running here. The project is as you left it.")
        events.show(ctx, state.thread, f"note:idle:{state.presence_rev}", 1, note)
        return p.Nothing()
    _stop_task(ctx, state, request.by, stopped)
    return p.Nothing()


@session.handler()
async def on_waiting(ctx: ObjectContext, news: p.Waiting) -> p.Nothing:
    """The running task asked people something, or has its answer."""
    state = await _load(ctx)
    if state is not None and state.task == news.task and state.waiting != news.waiting:
        state.waiting = news.waiting
        if news.waiting:
            await _presence(ctx, state, "suspended", text="waiting for your answer")
        else:
            await _presence(ctx, state, "processing", text="working…")
        await _save(ctx, state)
    return p.Nothing()


@session.handler()
async def on_task_done(ctx: ObjectContext, done: p.TaskDone) -> p.Nothing:
    """The running task reports its end; messages it has not read start the next one."""
    state = await _load(ctx)
    if state is None or state.task != done.task:
        return p.Nothing()
    read = max(done.last_seq, state.stop_seq)
    if state.stopping is not None and done.outcome == "stopped":
        read = state.stop_seq  # what was written after the stop is read again
    asked = [e for e in state.entries if state.consumed_seq < e.seq <= min(done.last_seq, read)]
    state.digests.append(history.digest(done, asked))
    state.usage += done.usage
    state.consumed_seq = max(state.consumed_seq, read)
    state.task, state.invocation, state.waiting = None, None, False
    state.stopping, state.stop_seq = None, 0
    if state.last_seq > state.consumed_seq:
        await _start_task(ctx, state)
    else:
        shown: p.PresenceState = "closed" if state.closed else "active"
        await _presence(ctx, state, shown, title=state.title)
    await _save(ctx, state)
    return p.Nothing()


@session.handler(kind="shared")
async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.SessionView:
    """What anyone may know of the session; answers also while a message is being taken."""
    state = await ctx.get(STATE, type_hint=SessionState)
    return p.SessionView() if state is None else state.view()


@session.handler(kind="shared")
async def read_unread(ctx: ObjectSharedContext, request: p.ReadRequest) -> p.Unread:
    """The messages above `after_seq`, as the running task needs them."""
    state = await ctx.get(STATE, type_hint=SessionState)
    return p.Unread(messages=[]) if state is None else state.unread(request.after_seq)


async def _load(ctx: ObjectContext) -> SessionState | None:
    return await ctx.get(STATE, type_hint=SessionState)


async def _save(ctx: ObjectContext, state: SessionState) -> None:
    ctx.set(STATE, state)
    card = state.card(await events.now(ctx))
    for person in state.participants:
        key = f"{state.thread.team}:{person.user_id}"
        calls.send(ctx, p.REMEMBER_SESSION, key, card)


async def _begin(ctx: ObjectContext, message: p.UserMessage) -> SessionState:
    """A new session; where the thread may hold more than this message, it is read once."""
    ctx.object_send(on_begun, ctx.key(), p.Nothing())
    early = await ctx.get(EARLY, type_hint=EarlyEdits) or EarlyEdits()
    ctx.clear(EARLY)
    named = message.text or ", ".join(file.name for file in message.files)
    return SessionState(
        thread=message.thread,
        title=history.title_of(named),
        initiator=message.author,
        reading=message.catch_up,
        early_edits=early.by_ts,
    )


async def _go_on(ctx: ObjectContext, state: SessionState) -> None:
    """With one message more: tell the running task, or start one."""
    if state.task is None:
        await _presence(
            ctx,
            state,
            "processing",
            text="planning…",
            title=state.title,
            initiator=state.initiator.user_id,
        )
        if not state.reading:
            await _start_task(ctx, state)
    told = history.interrupting(state.entries, state.told_seq) if state.task else []
    state.told_seq = max([state.told_seq, *told])
    await _save(ctx, state)  # before the task is told: it reads what is kept
    for seq in told:
        ctx.workflow_send(task.interrupt, str(state.task), p.Interrupt(seq=seq))


async def _presence(
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


def _stop_task(ctx: ObjectContext, state: SessionState, by: p.Person, until: int) -> None:
    """Cancel the running task, once: a second cancel would cut the clean-up short."""
    first = state.stopping is None and state.invocation is not None
    if first:
        state.stopping, state.stop_seq = by, until
    ctx.set(STATE, state)  # before the cancel: what it ends reads who stopped it
    if first and state.invocation is not None:
        ctx.cancel_invocation(state.invocation)


async def _close(ctx: ObjectContext, state: SessionState, by: p.Person) -> None:
    """Nobody can answer in this thread any more the way it was begun: end what runs in it."""
    state.closed = True
    if state.task is None:
        state.reading, state.consumed_seq = False, state.last_seq
        await _presence(ctx, state, "closed", title=state.title)
    _stop_task(ctx, state, by, state.last_seq)


async def _start_task(ctx: ObjectContext, state: SessionState) -> None:
    state.task_number += 1
    state.task = f"{state.thread.key}/{state.task_number}"
    request = p.TaskRequest(
        thread=state.thread, number=state.task_number, after_seq=state.consumed_seq
    )
    state.told_seq = state.last_seq  # it reads these without being told
    ctx.set(STATE, state)  # before it begins: it reads what is kept, whatever becomes of us now
    handle = ctx.workflow_send(task.run, state.task, request)
    state.invocation = await handle.invocation_id()
    watched = watch.WatchRequest(thread=state.thread, task=state.task, invocation=state.invocation)
    ctx.service_send(watch.until_ended, watched)
