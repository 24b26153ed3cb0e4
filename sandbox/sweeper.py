"""Owns the search for orphans: `Sweeper`, one per deployment.

An orphan is a sandbox that runs though its session does not know it: its start was recorded
nowhere, or the record is gone. The sweep is armed by every start and re-arms itself while anything
runs, so a deployment at rest has no timer.
"""

from datetime import timedelta

import restate
from restate import ObjectContext, ObjectSharedContext

from sandbox import object as life
from sandbox.backend import current_backend
from sandbox.errors import SandboxError
from sandbox.journal import effect
from sandbox.protocol import Done, Found, Nothing, Wire
from sandbox.retries import PROMPT

EVERY = timedelta(minutes=15)
ORPHAN_SECONDS = 600.0
"""A younger one may have been started by an acquire that has not recorded it yet."""
ARMED = "armed"
"""Number of the timer that is pending; the next one counts on."""
RESTING = "resting"
DUE = "due"
"""When the pending sweep begins, Unix seconds."""
LATE_SECONDS = 900.0
"""A pending sweep that late was lost: somebody ended it."""

sweeper = restate.VirtualObject(life.SWEEPER, invocation_retry_policy=PROMPT)
log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class Sweep(Wire):
    number: int = 0
    """Of the timer that asks for it; 0: somebody did by hand, which arms no other."""
    every_seconds: float = EVERY.total_seconds()
    orphan_seconds: float = ORPHAN_SECONDS


class FoundRunning(Wire):
    found: list[Found]


class Swept(Wire):
    running: int
    ended: list[str] = []
    """Sandbox ids of the orphans."""
    next: Sweep = Sweep()


@sweeper.handler()
async def watch(ctx: ObjectContext, _: Nothing) -> Done:
    """A sandbox was started: make sure that a sweep is coming."""
    armed = await ctx.get(ARMED, type_hint=int) or 0
    due, now = await ctx.get(DUE, type_hint=float) or 0.0, await ctx.time()
    if armed == 0 or await ctx.get(RESTING, type_hint=bool) or now > due + LATE_SECONDS:
        _arm(ctx, Sweep(number=armed + 1), now)
    return Done()


@sweeper.handler(kind="shared")
async def sweep(ctx: ObjectSharedContext, request: Sweep) -> Swept:
    """Look at everything that runs, ask its session, end what nobody owns."""

    async def look() -> FoundRunning:
        return FoundRunning(found=await current_backend().running())

    try:
        running = (await effect(ctx, "look", look, FoundRunning)).found
        ended = [found for found in running if await _end_if_orphan(ctx, found, request)]
    except SandboxError as error:
        log.warning("the sweep for orphans failed, the next one looks again: %s", error)
        swept = Swept(running=1, next=request)
    else:
        ids = [found.sandbox_id for found in ended]
        swept = Swept(running=len(running) - len(ended), ended=ids, next=request)
    ctx.object_send(settle, ctx.key(), swept)
    return swept


@sweeper.handler()
async def settle(ctx: ObjectContext, swept: Swept) -> Done:
    """Go on as long as something runs; the next start arms it again."""
    armed = await ctx.get(ARMED, type_hint=int) or 0
    if swept.next.number != armed:
        return Done()
    if swept.running:
        _arm(ctx, swept.next.model_copy(update={"number": armed + 1}), await ctx.time())
    else:
        ctx.set(RESTING, True)
    return Done()


def _arm(ctx: ObjectContext, request: Sweep, now: float) -> None:
    ctx.set(ARMED, request.number)
    ctx.set(RESTING, False)
    ctx.set(DUE, now + request.every_seconds)
    delay = timedelta(seconds=request.every_seconds)
    ctx.object_send(sweep, ctx.key(), request, send_delay=delay)


async def _end_if_orphan(ctx: ObjectSharedContext, found: Found, request: Sweep) -> bool:
    if await ctx.time() - found.created_at < request.orphan_seconds:
        return False
    if (await ctx.object_call(life.owns, found.session, found)).owned:
        return False

    async def end() -> Done:
        await current_backend().end(found)
        return Done()

    await effect(ctx, f"end {found.sandbox_id}", end, Done)
    log.warning("ended the orphan %s, generation %d", found.sandbox_id, found.generation)
    return True
