"""Owns taking a session's sandbox with patience: a provider in trouble is waited for.

The thread is told once per trouble; the wait is durable and holds no process.
"""

from datetime import timedelta

from restate import Context

from agent import events
from agent import protocol as p
from sandbox import client as sandbox
from sandbox.errors import Unreachable

WAIT = timedelta(seconds=30)
MOST_WAITS = 60


async def acquire(
    ctx: Context, thread: p.ThreadRef, owner: str, known_generation: int | None
) -> sandbox.Lease:
    """See `sandbox.client.acquire`.

    Raises:
        SandboxError: `Unreachable` only after half an hour.
    """
    for attempt in range(MOST_WAITS):
        try:
            return await sandbox.acquire(ctx, thread.key, owner, known_generation)
        except Unreachable as error:
            if attempt == 0:
                slot = f"note:{owner}:waiting {await events.now(ctx)}"
                text = f"No sandbox can be had at the moment; I keep trying. {error}"
                events.show(ctx, thread, slot, 1, p.NoteBody(text=text))
            await ctx.sleep(WAIT)
    return await sandbox.acquire(ctx, thread.key, owner, known_generation)
