"""Owns one Slack thread's durable session: its history, the running task's id, digests and totals.

Every exclusive handler takes milliseconds and waits for no work. Two invariants live here: each
message is read by exactly one task, in order, and there is never more than one task on a thread.
What a task does is not known here; what people see leaves as events. State is loaded lazily: a
message costs the same in a thread of five messages and of five thousand.
"""

from datetime import timedelta

from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import archive, arrivals, calls, digests, events, history, lookup, memory, running
from agent import protocol as p
from agent.retries import PROMPT
from agent.secrets import redact
from agent.session_state import EarlyEdits, SessionState

session = VirtualObject(p.SESSION, invocation_retry_policy=PROMPT, state_preload=False)

EARLY = "early edits"
NOT_KEPT = timedelta(0)
"""Of a journal that begins with what people wrote: a secret of ours may be in it."""
LATE_SECONDS = 1.5
"""A reply waits a little longer than this for its session to begin."""
EARLY_KEPT = timedelta(minutes=15)
"""Slack delivers again for some six minutes."""


@session.handler()
async def on_message(ctx: ObjectContext, message: p.UserMessage) -> p.Nothing:
    """Take an instruction: append it, show 👀, and interrupt the running task or start one."""
    if message.author.outsider:
        return p.Nothing()  # the bot already said why; never an instruction
    known = await archive.load(ctx)
    if not message.addressed and (known is None or message.ts < known.began):
        return p.Nothing()  # said before anybody addressed us: context at most
    if known and await archive.knows(ctx, message.ts, message.client_msg_id):
        return p.Nothing()
    state = known or await _begin(ctx, message)
    began = state.began
    if not arrivals.take_in(ctx, state, message):
        return p.Nothing()
    state.closed = False
    if state.began < began:  # replies to this one are instructions, and were not before
        await arrivals.sort_out_context(ctx, state)
    await running.go_on(ctx, state)
    return p.Nothing()


@session.handler(journal_retention=NOT_KEPT)
async def on_edit(ctx: ObjectContext, edit: p.MessageEdit) -> p.Nothing:
    """Take a changed or deleted message as a correction. Deleting the thread's first message ends
    the work."""
    if edit.author.outsider:
        return p.Nothing()
    edit = edit.model_copy(update={"text": redact(edit.text)})
    state = await archive.load(ctx)
    if state is None:  # of the message that is going to begin the session
        early = await ctx.get(EARLY, type_hint=EarlyEdits) or EarlyEdits()
        history.keep_early(early.by_ts, edit)
        ctx.set(EARLY, early)
        ctx.object_send(forget_early, ctx.key(), p.Nothing(), send_delay=EARLY_KEPT)
        return p.Nothing()
    known = await archive.find(ctx, edit.ts)
    if known is None:
        history.keep_early(state.early_edits, edit)
        archive.keep(ctx, state)
        return p.Nothing()
    if not known.is_changed_by(edit):
        return p.Nothing()
    arrivals.change(ctx, state, edit)
    if edit.ts == state.thread.root_ts and not edit.text:
        await running.close(ctx, state, edit.author)
    else:
        await running.go_on(ctx, state)
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
    state = await archive.load(ctx)
    if state is None:
        return p.Nothing()
    if state.reading or await events.now(ctx) - float(state.began or 0) > LATE_SECONDS:
        state.reading = True
        archive.keep(ctx, state)
        calls.send(ctx, p.READ_THREAD, None, p.ReadThread(thread=state.thread))
    return p.Nothing()


@session.handler(journal_retention=NOT_KEPT)
async def on_context(ctx: ObjectContext, so_far: p.ThreadSoFar) -> p.Nothing:
    """Take in what stood in the thread when the session began, and start the work."""
    state = await archive.load(ctx)
    if state is None or not state.reading:
        return p.Nothing()
    state.reading = False
    archive.keep_context(ctx, state, [_clean(m) for m in so_far.messages if not m.author.outsider])
    await arrivals.sort_out_context(ctx, state)
    if so_far.problem:
        events.show(ctx, state.thread, "note:context", 1, p.NoteBody(text=so_far.problem))
    if state.last_seq > state.consumed_seq:
        await running.go_on(ctx, state)
    else:
        archive.keep(ctx, state)
    return p.Nothing()


@session.handler()
async def on_feedback(ctx: ObjectContext, feedback: p.Feedback) -> p.Nothing:
    """Keep what somebody thinks of a finished task; their last word counts."""
    state = await archive.load(ctx)
    if state is None or feedback.by.outsider:
        return p.Nothing()
    await archive.judge_task(ctx, feedback)
    state.digests = [
        digests.judged(digest, feedback) if digest.task == feedback.task else digest
        for digest in state.digests
    ]
    archive.keep(ctx, state)
    return p.Nothing()


@session.handler()
async def stop(ctx: ObjectContext, request: p.StopRequest) -> p.Nothing:
    """Cancel the running task. The task itself says what was stopped once it has cleaned up."""
    state = await archive.load(ctx)
    if state is None:
        return p.Nothing()
    unread = await archive.since(ctx, state, state.consumed_seq)
    stopped = history.written_until(unread, request.at, state.last_seq)
    if state.reading:  # what is found in the thread is context then, no instruction
        state.stopped_at = request.at or f"{await events.now(ctx):.6f}"
    if state.task is None or state.invocation is None:
        state.consumed_seq = max(state.consumed_seq, stopped)
        await running.presence(ctx, state, "active")
        archive.keep(ctx, state)
        note = p.NoteBody(text="Nothing is running here. The project is as you left it.")
        events.show(ctx, state.thread, f"note:idle:{state.presence_rev}", 1, note)
        return p.Nothing()
    running.stop(ctx, state, request.by, stopped)
    return p.Nothing()


@session.handler()
async def on_waiting(ctx: ObjectContext, news: p.Waiting) -> p.Nothing:
    """The running task asked people something, or has its answer."""
    state = await archive.load(ctx)
    if state is not None and state.task == news.task and state.waiting != news.waiting:
        state.waiting = news.waiting
        if news.waiting:
            await running.presence(ctx, state, "suspended", text="waiting for your answer")
        else:
            await running.presence(ctx, state, "processing", text="working…")
        await running.save(ctx, state)
    return p.Nothing()


@session.handler()
async def on_task_done(ctx: ObjectContext, done: p.TaskDone) -> p.Nothing:
    """The running task reports its end; messages it has not read start the next one."""
    state = await archive.load(ctx)
    if state is None or state.task != done.task:
        return p.Nothing()
    read = max(done.last_seq, state.stop_seq)
    if state.stopping is not None and done.outcome == "stopped":
        read = state.stop_seq  # what was written after the stop is read again
    unread = await archive.since(ctx, state, state.consumed_seq)
    asked = [entry for entry in unread if entry.seq <= min(done.last_seq, read)]
    _remember(ctx, state, digests.of(done, asked))
    state.has_project |= done.outcome != "answered" or any(entry.files for entry in asked)
    state.usage += done.usage
    _settle(ctx, state.thread, done.task, done.usage, cut_off=done.cut_off)
    state.consumed_seq = max(state.consumed_seq, read)
    state.task, state.invocation, state.waiting = None, None, False
    state.stopping, state.stop_seq = None, 0
    if state.last_seq > state.consumed_seq:
        await running.start(ctx, state)
    else:
        shown: p.PresenceState = "closed" if state.closed else "active"
        await running.presence(ctx, state, shown, title=state.title)
    await running.save(ctx, state)
    return p.Nothing()


@session.handler()
async def on_summary(ctx: ObjectContext, news: p.Summarised) -> p.Nothing:
    """Take what the oldest tasks came to in place of their digests. It costs whatever becomes of
    it; one that is not waited for any more changes nothing else."""
    state = await archive.load(ctx)
    if state is None:
        return p.Nothing()
    state.usage += news.usage
    _settle(ctx, state.thread, f"summary until {news.until}", news.usage)
    if state.summarising == news.until:
        state.summary, state.summarising = news.summary, ""
        newest = archive.number_of(news.until)
        state.digests = [d for d in state.digests if archive.number_of(d.task) > newest]
    archive.keep(ctx, state)
    return p.Nothing()


@session.handler(kind="shared")
async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.SessionView:
    """What anyone may know of the session; answers also while a message is being taken."""
    state = await archive.look(ctx)
    return p.SessionView() if state is None else state.view()


@session.handler(kind="shared")
async def read_unread(ctx: ObjectSharedContext, request: p.ReadRequest) -> p.Unread:
    """The messages above `after_seq`, as the running task needs them."""
    state = await archive.look(ctx)
    if state is None:
        return p.Unread(messages=[])
    unread = state.unread(await archive.since(ctx, state, request.after_seq))
    if request.knows == unread.rev:
        return unread
    return unread.model_copy(update=state.before(await archive.context(ctx, state)))


@session.handler(kind="shared")
async def transcript(ctx: ObjectSharedContext, request: p.TranscriptRequest) -> p.TranscriptPage:
    """Everything that was said and how each task ended, unshortened, page by page."""
    state = await archive.look(ctx)
    return p.TranscriptPage() if state is None else await archive.page(ctx, state, request.page)


@session.handler(kind="shared")
async def look_up(ctx: ObjectSharedContext, request: p.LookUp) -> p.LookedUp:
    """A part of what was said, for a running task that knows only a summary of it."""
    state = await archive.look(ctx)
    return p.LookedUp() if state is None else await lookup.look_up(ctx, state, request)


def _clean(message: p.ThreadMessage) -> p.ThreadMessage:
    """As the inbox would have handed it on."""
    return message.model_copy(update={"text": redact(message.text)})


def _settle(
    ctx: ObjectContext, thread: p.ThreadRef, task: str, usage: p.Usage, *, cut_off: bool = False
) -> None:
    """Enter in the ledger what a task has cost."""
    settled = p.Settlement(
        task=task, channel=thread.channel, spent_usd=usage.counted_usd, cut_off=cut_off
    )
    calls.send(ctx, p.SETTLE, thread.team, settled, key_of_effect=f"settle {task}")


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


def _remember(ctx: ObjectContext, state: SessionState, digest: p.TaskDigest) -> None:
    """Keep how a task ended; the oldest ones are summarised meanwhile, and nothing waits for
    that."""
    archive.add_task(ctx, digest)
    state.digests.append(digests.clipped(digest))
    if overdue := digests.overdue(state.digests):
        state.summary = digests.plain(state.summary, overdue)
        state.digests, state.summarising = state.digests[len(overdue) :], ""
    if not state.summarising and (due := digests.due(state.digests)):
        state.summarising = due[-1].task
        request = memory.FoldRequest(thread=state.thread, summary=state.summary, digests=due)
        ctx.service_send(memory.fold, request)
