"""Owns the life of a session's sandbox: `Sandbox`, keyed by session key.

It starts it, knows who uses it, snapshots it, stops it when idle and brings it back. Commands and
files are not its business: those go from the step that wants them straight to the backend, so no
long command ever blocks a timer. Exclusive handlers are short; the snapshot, which is not, is taken
by a shared one.

Bringing files back is part of `acquire`: a sandbox that is used is restored first, whoever asks.
"""

from datetime import timedelta

import restate
from restate import ObjectContext, ObjectSharedContext

from sandbox import lifecycle
from sandbox.backend import current_backend, current_settings
from sandbox.errors import SandboxError, SandboxGone
from sandbox.journal import effect, to_terminal
from sandbox.lifecycle import Life, Timer
from sandbox.protocol import (
    AcquireRequest,
    CheckpointRequest,
    Done,
    Expiry,
    Lease,
    Nothing,
    ReleaseRequest,
    SandboxRef,
    Settlement,
    SnapshotRef,
)

LIFE = "life"
LONGEST_EFFECT = timedelta(minutes=20)
"""Packing and unpacking a big project; below it a step would be cut off and done again."""

sandbox = restate.VirtualObject(
    "Sandbox", inactivity_timeout=LONGEST_EFFECT, abort_timeout=LONGEST_EFFECT
)
log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


@sandbox.handler()
async def acquire(ctx: ObjectContext, request: AcquireRequest) -> Lease:
    """Grant `owner` a running sandbox with the session's files; called by who will use it."""
    life = await _life(ctx)
    now = await ctx.time()
    name, known, snapshots = lifecycle.name_of(ctx.key()), life.ref, life.snapshots

    async def ensure() -> SandboxRef:
        backend = current_backend()
        ref = await backend.ensure(name, known, snapshots)
        return await backend.renew(ref, request.ttl_seconds)

    try:
        ref = await effect(ctx, "start", ensure, SandboxRef)
    except SandboxError as error:
        raise to_terminal(error) from error
    until = now + request.ttl_seconds
    await _store(ctx, lifecycle.acquired(life, ref, request.owner, until, now))
    return Lease(ref=ref, note=lifecycle.note(life, ref))


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
    """The timer: begin to stop an idle sandbox, else look again later. Only we send it."""
    life = await _life(ctx)
    if life.timer is None or life.timer.generation != expiry.generation:
        return Done()
    life = life.model_copy(update={"timer": None})
    now = await ctx.time()
    if not life.running:
        ctx.set(LIFE, life)
    elif lifecycle.idle_at(life, current_settings().idle_seconds) > now:
        await _store(ctx, life)
    else:
        ctx.set(LIFE, life)
        ctx.object_send(checkpoint, ctx.key(), CheckpointRequest(stop_if_uses=life.uses))
    return Done()


@sandbox.handler(kind="shared")
async def checkpoint(ctx: ObjectSharedContext, request: CheckpointRequest) -> Done:
    """Snapshot the files, while others go on using them, and report to `settle`."""
    life = await ctx.get(LIFE, type_hint=Life) or Life()
    if life.ref is None or not life.running:
        return Done()
    ref = life.ref
    settlement = Settlement(stop_if_uses=request.stop_if_uses)

    async def snapshot() -> SnapshotRef:
        return await current_backend().snapshot(ref)

    try:
        made = await effect(ctx, "snapshot", snapshot, SnapshotRef)
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
        life = lifecycle.checkpointed(life, settlement.snapshot)
    now = await ctx.time()
    if settlement.gone and life.uses == settlement.stop_if_uses:
        life = life.model_copy(update={"running": False})
    elif settlement.snapshot and lifecycle.may_stop(life, settlement.stop_if_uses, now):
        await _stop(ctx, life)
        life = life.model_copy(update={"running": False})
    await _store(ctx, life)
    return Done()


@sandbox.handler()
async def destroy(ctx: ObjectContext, _: Nothing) -> Done:
    """Delete the sandbox, its files and its snapshots, as if it had never been used."""
    life = await _life(ctx)
    if life.timer is not None:
        ctx.cancel_invocation(life.timer.invocation_id)
    name = lifecycle.name_of(ctx.key())

    async def delete() -> Done:
        await current_backend().destroy(name)
        return Done()

    try:
        await effect(ctx, "destroy", delete, Done)
    except SandboxError as error:
        raise to_terminal(error) from error
    ctx.set(LIFE, lifecycle.destroyed(life))
    return Done()


async def _life(ctx: ObjectContext) -> Life:
    return await ctx.get(LIFE, type_hint=Life) or Life()


async def _store(ctx: ObjectContext, life: Life) -> None:
    """Keep the state, with a timer armed no later than the sandbox may become idle.

    A pending timer that fires earlier stays: it looks again by itself. So there is never more than
    one.
    """
    if not life.running:
        ctx.set(LIFE, life)
        return
    due = lifecycle.idle_at(life, current_settings().idle_seconds)
    if life.timer is None or life.timer.due > due:
        if life.timer is not None:
            ctx.cancel_invocation(life.timer.invocation_id)
        generation = life.timers + 1
        delay = timedelta(seconds=max(0.0, due - await ctx.time()))
        sent = ctx.object_send(expire, ctx.key(), Expiry(generation=generation), send_delay=delay)
        timer = Timer(generation=generation, due=due, invocation_id=await sent.invocation_id())
        life = life.model_copy(update={"timer": timer, "timers": generation})
    ctx.set(LIFE, life)


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
        log.warning("the idle sandbox did not stop: %s", error, extra={"session": ctx.key()})
