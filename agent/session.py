"""Owns one Slack thread's durable session: its history, the running task's id, digests and totals.

Every exclusive handler takes milliseconds and waits for no work. Two invariants live here: each
message is read by exactly one task, in order, and there is never more than one task on a thread.
What a task does is not known here; what people see leaves as events.
"""

from pydantic import BaseModel
from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import calls, events, task, watch
from agent import protocol as p
from agent.retries import PROMPT

session = VirtualObject(p.SESSION, invocation_retry_policy=PROMPT)

STATE = "session"


class SessionState(BaseModel):
    """Only grows, with defaults."""

    thread: p.ThreadRef
    title: str
    initiator: p.Person
    entries: list[p.HistoryEntry] = []
    task: str | None = None
    invocation: str | None = None
    """Invocation id of the running task; a stop cancels it."""
    task_number: int = 0
    consumed_seq: int = 0
    """Messages up to here were read by a finished task, or withdrawn by a stop."""
    stopping: p.Person | None = None
    stop_seq: int = 0
    digests: list[p.TaskDigest] = []
    usage: p.Usage = p.Usage()

    @property
    def last_seq(self) -> int:
        return self.entries[-1].seq if self.entries else 0

    @property
    def participants(self) -> list[p.Person]:
        return list({entry.author.user_id: entry.author for entry in self.entries}.values())

    @property
    def status(self) -> p.SessionStatus:
        return "working" if self.task else "idle"


@session.handler()
async def on_message(ctx: ObjectContext, message: p.UserMessage) -> p.Nothing:
    """Take an instruction: append it, show 👀, and interrupt the running task or start one."""
    if message.author.outsider:
        return p.Nothing()  # the bot already said why; never an instruction
    state = await _load(ctx) or SessionState(
        thread=message.thread, title=title_of(message.text), initiator=message.author
    )
    if any(entry.ts == message.ts and not entry.edit for entry in state.entries):
        return p.Nothing()
    _append(state, message.ts, message.author, message.text)
    events.show(ctx, state.thread, f"reaction:{message.ts}:eyes", 1, p.ReactionBody(ts=message.ts))
    await _go_on(ctx, state)
    return p.Nothing()


@session.handler()
async def on_edit(ctx: ObjectContext, edit: p.MessageEdit) -> p.Nothing:
    """Take a changed or deleted message as a correction, if we have read the original."""
    state = await _load(ctx)
    if state is None or edit.author.outsider:
        return p.Nothing()
    versions = [entry for entry in state.entries if entry.ts == edit.ts]
    if not versions or versions[-1].text == edit.text:
        return p.Nothing()
    _append(state, edit.ts, edit.author, edit.text, edit=True)
    await _go_on(ctx, state)
    return p.Nothing()


@session.handler()
async def stop(ctx: ObjectContext, request: p.StopRequest) -> p.Nothing:
    """Cancel the running task. The task itself says what was stopped once it has cleaned up."""
    state = await _load(ctx)
    if state is None:
        return p.Nothing()
    if state.task is None or state.invocation is None:
        rev = int(await events.now(ctx) * 1000)
        note = p.NoteBody(text="Nothing is running here. The project is as you left it.")
        events.show(ctx, state.thread, f"note:idle:{rev}", rev, note)
        await events.presence(ctx, state.thread, "active")
        return p.Nothing()
    if state.stopping is None:  # a second cancel would cut the clean-up short
        ctx.cancel_invocation(state.invocation)
        state.stopping, state.stop_seq = request.by, state.last_seq
        ctx.set(STATE, state)
    return p.Nothing()


@session.handler()
async def on_task_done(ctx: ObjectContext, done: p.TaskDone) -> p.Nothing:
    """The running task reports its end; messages it has not read start the next one."""
    state = await _load(ctx)
    if state is None or state.task != done.task:
        return p.Nothing()
    state.digests.append(_digest(state, done))
    state.usage += done.usage
    state.consumed_seq = max(done.last_seq, state.stop_seq)
    state.task, state.invocation, state.stopping, state.stop_seq = None, None, None, 0
    if state.last_seq > state.consumed_seq:
        await _start_task(ctx, state)
    else:
        await events.presence(ctx, state.thread, "active", title=state.title)
    await _save(ctx, state)
    return p.Nothing()


@session.handler(kind="shared")
async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.SessionView:
    """What anyone may know of the session; answers also while a message is being taken."""
    state = await ctx.get(STATE, type_hint=SessionState)
    if state is None:
        return p.SessionView()
    return p.SessionView(
        exists=True,
        thread=state.thread,
        title=state.title,
        status=state.status,
        task=state.task,
        messages=len(state.entries),
        tasks=state.task_number,
        participants=state.participants,
        total_cost_usd=state.usage.cost_usd or 0.0,
        last=state.digests[-1] if state.digests else None,
    )


@session.handler(kind="shared")
async def read_unread(ctx: ObjectSharedContext, request: p.ReadRequest) -> p.Unread:
    """The messages above `after_seq`, as the running task needs them."""
    state = await ctx.get(STATE, type_hint=SessionState)
    if state is None:
        return p.Unread(messages=[])
    fresh = [entry for entry in state.entries if entry.seq > request.after_seq]
    return p.Unread(
        messages=sorted(fresh, key=lambda entry: (entry.ts, entry.seq)),
        last_seq=state.last_seq,
        stopping=state.stopping,
        digests=state.digests,
    )


def title_of(text: str) -> str:
    """The first line of the first message, short enough for a list."""
    first = text.strip().splitlines()[0] if text.strip() else "New session"
    first = first[:1].upper() + first[1:]
    return first if len(first) <= 80 else first[:79].rstrip() + "…"


async def _load(ctx: ObjectContext) -> SessionState | None:
    return await ctx.get(STATE, type_hint=SessionState)


async def _save(ctx: ObjectContext, state: SessionState) -> None:
    ctx.set(STATE, state)
    card = p.SessionCard(
        thread=state.thread,
        title=state.title,
        updated_at=await events.now(ctx),
        status=state.status,
    )
    for person in state.participants:
        key = f"{state.thread.team}:{person.user_id}"
        calls.send(ctx, p.REMEMBER_SESSION, key, card)


def _digest(state: SessionState, done: p.TaskDone) -> p.TaskDigest:
    asked = [e for e in state.entries if state.consumed_seq < e.seq <= done.last_seq]
    return p.TaskDigest(
        task=done.task,
        outcome=done.outcome,
        summary=done.summary,
        request=" / ".join(f"{e.author.name or e.author.user_id}: {e.text}" for e in asked)[:500],
    )


def _append(
    state: SessionState, ts: str, author: p.Person, text: str, *, edit: bool = False
) -> None:
    seq = state.last_seq + 1
    state.entries.append(p.HistoryEntry(seq=seq, ts=ts, author=author, text=text, edit=edit))


async def _go_on(ctx: ObjectContext, state: SessionState) -> None:
    """With one message more: tell the running task, or start one."""
    if state.task is not None:
        ctx.workflow_send(task.interrupt, state.task, p.Interrupt(seq=state.last_seq))
    else:
        await events.presence(
            ctx,
            state.thread,
            "processing",
            text="planning…",
            title=state.title,
            initiator=state.initiator.user_id,
        )
        await _start_task(ctx, state)
    await _save(ctx, state)


async def _start_task(ctx: ObjectContext, state: SessionState) -> None:
    state.task_number += 1
    state.task = f"{state.thread.key}/{state.task_number}"
    request = p.TaskRequest(
        thread=state.thread, number=state.task_number, after_seq=state.consumed_seq
    )
    handle = ctx.workflow_send(task.run, state.task, request)
    state.invocation = await handle.invocation_id()
    watched = watch.WatchRequest(thread=state.thread, task=state.task, invocation=state.invocation)
    ctx.service_send(watch.until_ended, watched)
