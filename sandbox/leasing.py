"""Owns how durable work holds a session's sandbox: leases it, gives it back, has its files kept.

Each is a call of the `Sandbox` object, which decides.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from restate import Context, select

from sandbox import object as life
from sandbox.errors import Unreachable
from sandbox.journal import journaled_errors
from sandbox.protocol import AcquireRequest, CheckpointRequest, Lease, ReleaseRequest


async def acquire(
    ctx: Context,
    session_key: str,
    owner: str,
    known_generation: int | None = None,
    *,
    slow: timedelta | None = None,
    on_slow: Callable[[], Awaitable[None]] | None = None,
    longest: timedelta = life.LONGEST_EFFECT,
) -> Lease:
    """A running sandbox with the session's files, leased to `owner` until it releases.

    Args:
        known_generation: the one `owner` used last; the lease tells of every roll-back since.
        slow: after so long without an answer `on_slow` is called, once; None never calls it, and
            waits for ever.
        longest: so long it is waited after that; then it is `Unreachable`.
    """
    request = AcquireRequest(owner=owner, known_generation=known_generation)
    call = ctx.object_call(life.acquire, session_key, request)
    with journaled_errors():
        if slow is None or on_slow is None:
            return await call
        winner = await select(lease=call, slow=ctx.sleep(slow, name="slow to start"))
        if winner[0] == "slow":
            await on_slow()
            winner = await select(lease=call, end=ctx.sleep(longest, name="does not start"))
        if winner[0] == "lease":
            lease: Lease = winner[1]
            return lease
        ctx.cancel_invocation(await call.invocation_id())
        raise Unreachable("It does not start.")


async def hold(ctx: Context, session_key: str, owner: str, seconds: int) -> None:
    """Keep the running sandbox that long, or until `release`; nothing is started.

    Raises SandboxGone, Unreachable.
    """
    request = AcquireRequest(owner=owner, ttl_seconds=seconds)
    with journaled_errors():
        await ctx.object_call(life.renew, session_key, request)


def release(ctx: Context, session_key: str, owner: str) -> None:
    """One way."""
    ctx.object_send(life.release, session_key, ReleaseRequest(owner=owner))


def checkpoint(ctx: Context, session_key: str, label: str, mark: str) -> None:
    """Have the files snapshotted, without waiting for it; once per `mark`.

    Args:
        label: what the project holds now, for people: `"step 4"`.
        mark: comes back in the lease when the files are brought back from this snapshot.
    """
    request = CheckpointRequest(label=label, mark=mark)
    ctx.object_send(life.checkpoint, session_key, request, idempotency_key=mark)


async def checkpoint_taken(ctx: Context, session_key: str, label: str, mark: str) -> None:
    """Wait for the checkpoint of this mark, so that what follows is not in it."""
    request = CheckpointRequest(label=label, mark=mark)
    await ctx.object_call(life.checkpoint, session_key, request, idempotency_key=mark)
