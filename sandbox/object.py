"""Owns the life of a session's sandbox: `Sandbox`, keyed by session key.

It starts it, knows who uses it, snapshots it, stops it when idle or near its limit, and brings it
back. Commands and files are not its business: those go from the step that wants them straight to
the backend, so no long command ever blocks a timer. Exclusive handlers are short; the snapshot,
which is not, is taken by a shared one.

Bringing files back is part of `acquire`: a sandbox that is used is restored first, whoever asks.
"""

import time
from datetime import timedelta

import restate
from restate import ObjectContext, ObjectSharedContext, RunOptions, TerminalError

from sandbox import lifecycle
from sandbox.backend import current_backend, current_settings
from sandbox.errors import Retryable, SandboxError, SandboxGone
from sandbox.journal import effect, to_terminal
from sandbox.lifecycle import Life, Timer
from sandbox.protocol import (
    AcquireRequest,
    CheckpointRequest,
    Done,
    Expiry,
    Found,
    Lease,
    Nothing,
    Ownership,
    ReleaseRequest,
    SandboxRef,
    Settlement,
    SnapshotRef,
    Wire,
)
from sandbox.retries import PROMPT

LIFE = "life"
SWEEPER, WATCH = "Sweeper", "watch"
LONGEST_EFFECT = timedelta(minutes=20)
"""Packing and unpacking a big project; below it a step would be cut off and done again."""

sandbox = restate.VirtualObject(
    "Sandbox",
    invocation_retry_policy=PROMPT,
    inactivity_timeout=LONGEST_EFFECT,
    abort_timeout=LONGEST_EFFECT,
)
START_ATTEMPTS = 14
"""Half a minute; then the handler makes room for others, and who acquires decides to wait."""

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class Moment(Wire):
    """When a handler decides, and by which settings: whoever replays it may have others."""

    now: float
    idle_seconds: int
    owner: str


@sandbox.handler()
async def acquire(ctx: ObjectContext, request: AcquireRequest) -> Lease:
    """Grant `owner` a running sandbox with the session's files; called by who will use it."""
    before = await _life(ctx)
    moment = await _moment(ctx)
    spec, known, snapshots = lifecycle.spec_of(ctx.key()), before.ref, before.snapshots
    if not before.running:
        ctx.set(LIFE, before.model_copy(update={"state": "starting"}))

    async def ensure() -> SandboxRef:
        backend = current_backend()
        ref = await backend.ensure(spec, known, snapshots)
        try:
            return await backend.renew(ref, request.ttl_seconds)
        except SandboxGone as error:  # it ended this moment: the next attempt starts it anew
            raise Retryable(str(error)) from error

    try:
        ref = await effect(ctx, "start", ensure, SandboxRef, START_ATTEMPTS)
    except SandboxError as error:
        ctx.set(LIFE, before)
        raise to_terminal(error) from error
    except TerminalError:  # cancelled: whatever was started is adopted by the next acquire
        ctx.set(LIFE, before)
        raise
    until = moment.now + request.ttl_seconds
    after = lifecycle.acquired(before, ref, request.owner, until, moment.now)
    await _store(ctx, after)
    if known is None or known.generation != ref.generation:
        body = Nothing().model_dump_json().encode()
        ctx.generic_send(SWEEPER, WATCH, body, key=moment.owner)
    lease = lifecycle.lease(before, ref)
    if lease.note:
        log.info("generation %d: %s", ref.generation, lease.note, extra={"session": ctx.key()})
    return lifecycle.since(after, lease, request.known_generation)


@sandbox.handler()
async def renew(ctx: ObjectContext, request: AcquireRequest) -> Lease:
    """Extend a lease without starting anything; fails when the sandbox has ended."""
    life = await _life(ctx)
    now = await ctx.time()
    if life.ref is None or not life.running:
        raise to_terminal(SandboxGone("The sandbox has ended: acquire it again."))
    known = life.ref

    async def extend() -> SandboxRef:
        return await current_backend().renew(known, request.ttl_seconds)

    try:
        ref = await effect(ctx, "renew", extend, SandboxRef)
    except SandboxError as error:
        raise to_terminal(error) from error
    until = now + request.ttl_seconds
    await _store(ctx, lifecycle.acquired(life, ref, request.owner, until, now))
    return Lease(ref=ref)


@sandbox.handler()
async def release(ctx: ObjectContext, request: ReleaseRequest) -> Done:
    """Give a lease back. Sent one way; the sandbox stays up until it was idle for a while."""
    life = await _life(ctx)
    if request.owner in life.leases:
        await _store(ctx, lifecycle.released(life, request.owner, await ctx.time()))
    return Done()


@sandbox.handler()
async def expire(ctx: ObjectContext, expiry: Expiry) -> Done:
    """The timer: begin to stop an idle sandbox or one near its limit, else look again later."""
    life = await _life(ctx)
    if life.timer is None or life.timer.generation != expiry.generation:
        return Done()
    life = life.model_copy(update={"timer": None})
    moment = await _moment(ctx)
    if not life.running:
        ctx.set(LIFE, life)
    elif lifecycle.due(life, moment.idle_seconds, 0.0) > moment.now:
        await _store(ctx, life)
    else:
        assert life.ref is not None
        near_limit = lifecycle.restart_at(life) <= moment.now
        request = CheckpointRequest(
            stop_if_uses=life.uses, stop_generation=life.ref.generation if near_limit else None
        )
        ctx.set(LIFE, life.model_copy(update={"state": "stopping"}))
        ctx.object_send(checkpoint, ctx.key(), request)
    return Done()


@sandbox.handler(kind="shared")
async def checkpoint(ctx: ObjectSharedContext, request: CheckpointRequest) -> Done:
    """Snapshot the files, while others go on using them, and report to `settle`."""
    life = await ctx.get(LIFE, type_hint=Life) or Life()
    if life.ref is None or not life.running:
        return Done()
    ref = life.ref
    settlement = Settlement(
        generation=ref.generation,
        stop_if_uses=request.stop_if_uses,
        stop_generation=request.stop_generation,
    )

    async def snapshot() -> SnapshotRef:
        return await current_backend().snapshot(ref)

    try:
        made = await effect(ctx, "snapshot", snapshot, SnapshotRef)
        made = lifecycle.described(made, life, request)
        settlement = settlement.model_copy(update={"snapshot": made})
    except SandboxGone:
        settlement = settlement.model_copy(update={"gone": True})
    except SandboxError as error:
        log.warning("no snapshot was made: %s", error, extra={"session": ctx.key()})
    ctx.object_send(settle, ctx.key(), settlement)
    return Done()


@sandbox.handler()
async def settle(ctx: ObjectContext, settlement: Settlement) -> Done:
    """Record a snapshot; stop the sandbox if that was the point and nobody came meanwhile."""
    life = await _life(ctx)
    if not life.holds_files:
        return Done()  # destroyed meanwhile, with its snapshots
    if settlement.snapshot is not None:
        life, old = lifecycle.checkpointed(life, settlement.snapshot)
        await _forget(ctx, old)
    elif not settlement.gone:
        life = life.model_copy(update={"failures": life.failures + 1})
    is_current = life.ref is not None and life.ref.generation == settlement.generation
    if life.running and is_current:
        life = await _settled(ctx, life, settlement)
    await _store(ctx, life)
    return Done()


@sandbox.handler()
async def destroy(ctx: ObjectContext, _: Nothing) -> Done:
    """Delete the sandbox, its files and its snapshots, as if it had never been used."""
    life = await _life(ctx)
    if life.timer is not None:
        ctx.cancel_invocation(life.timer.invocation_id)
    name, known, snapshots = lifecycle.spec_of(ctx.key()).name, life.ref, life.snapshots

    async def delete() -> Done:
        await current_backend().destroy(name, known, snapshots)
        return Done()

    try:
        await effect(ctx, "destroy", delete, Done)
    except SandboxError as error:
        raise to_terminal(error) from error
    ctx.set(LIFE, lifecycle.destroyed(life))
    return Done()


@sandbox.handler(kind="shared")
async def owns(ctx: ObjectSharedContext, found: Found) -> Ownership:
    """The sweep asks before it ends anything."""
    life = await ctx.get(LIFE, type_hint=Life) or Life()
    return Ownership(owned=lifecycle.owns(life, found))


async def _life(ctx: ObjectContext) -> Life:
    return await ctx.get(LIFE, type_hint=Life) or Life()


async def _moment(ctx: ObjectContext) -> Moment:
    async def read() -> Moment:
        by = current_settings()
        return Moment(now=time.time(), idle_seconds=by.idle_seconds, owner=by.owner)

    return await ctx.run_typed("now", read, RunOptions(type_hint=Moment))


async def _store(ctx: ObjectContext, life: Life) -> None:
    """Keep the state, with a timer armed no later than the next look is due; never more than
    one."""
    if not life.running:
        ctx.set(LIFE, life)
        return
    moment = await _moment(ctx)
    due = lifecycle.due(life, moment.idle_seconds, moment.now)
    if lifecycle.needs_timer(life, due, moment.now):
        if life.timer is not None:
            ctx.cancel_invocation(life.timer.invocation_id)
        generation = life.timers + 1
        delay = timedelta(seconds=due - moment.now)
        sent = ctx.object_send(expire, ctx.key(), Expiry(generation=generation), send_delay=delay)
        timer = Timer(generation=generation, due=due, invocation_id=await sent.invocation_id())
        life = life.model_copy(update={"timer": timer, "timers": generation})
    ctx.set(LIFE, life)


async def _settled(ctx: ObjectContext, life: Life, settlement: Settlement) -> Life:
    """The life after a checkpoint of the sandbox that runs now."""
    if settlement.gone:
        return life.model_copy(update={"state": "lost"})
    at_limit = lifecycle.must_stop(life, settlement.stop_generation)
    idle = lifecycle.may_stop(life, settlement.stop_if_uses, await ctx.time())
    if settlement.snapshot and (at_limit or idle):
        await _stop(ctx, life)
        return life.model_copy(update={"state": "stopped", "at_limit": at_limit and not idle})
    stopping = settlement.stop_if_uses is not None or settlement.stop_generation is not None
    return life.model_copy(update={"state": "running"}) if stopping else life


async def _stop(ctx: ObjectContext, life: Life) -> None:
    assert life.ref is not None
    ref = life.ref

    async def stop() -> Done:
        await current_backend().stop(ref)
        return Done()

    try:
        await effect(ctx, "stop", stop, Done)
    except SandboxError as error:
        # Its own lease ends it; the files are safe in the snapshot that was just made.
        log.warning("the sandbox did not stop: %s", error, extra={"session": ctx.key()})


async def _forget(ctx: ObjectContext, snapshots: list[SnapshotRef]) -> None:
    if not snapshots:
        return
    name = lifecycle.spec_of(ctx.key()).name

    async def forget() -> Done:
        await current_backend().forget(name, snapshots)
        return Done()

    try:
        await effect(ctx, "forget old snapshots", forget, Done)
    except SandboxError as error:
        # They cost a little storage until the backend's own time limit for them.
        log.warning("old snapshots were not deleted: %s", error, extra={"session": ctx.key()})
