"""Owns taking a session's sandbox with patience: a provider in trouble is waited for.

The thread is told within a minute, in one note that says in the end how it went on; the wait is
durable and holds no process.
"""

from datetime import timedelta

from restate import Context, TerminalError

from agent import events
from agent import protocol as p
from sandbox import client as sandbox
from sandbox.durable import is_cancel
from sandbox.errors import Unreachable

SLOW = timedelta(seconds=40)
"""A start that takes longer is told of."""
PAUSE = timedelta(seconds=30)
LONGEST = timedelta(minutes=30)

REFUSED = (
    "No sandbox can be had at the moment. I keep trying for half an hour, and read then what you "
    "write meanwhile."
)
STARTING = (
    "The sandbox takes longer than usual to start. I wait for it for half an hour, and read then "
    "what you write meanwhile."
)
AGAIN = "The sandbox is there now: work goes on."
STOPPED = "The wait for a sandbox was stopped."
GIVEN_UP = "No sandbox could be had for half an hour."


async def acquire(
    ctx: Context, thread: p.ThreadRef, owner: str, known_generation: int | None
) -> sandbox.Lease:
    """See `sandbox.client.acquire`.

    Raises:
        SandboxError: `Unreachable` only after half an hour, with one sentence for people.
    """
    wait = _Wait(ctx, thread, owner)
    try:
        lease = await wait.until_had(known_generation)
    except Unreachable as error:
        await wait.ended(GIVEN_UP)
        raise Unreachable(f"{GIVEN_UP} {error} Write again to go on.") from error
    except TerminalError as error:
        if is_cancel(error):
            await wait.ended(STOPPED)
        raise
    await wait.ended(AGAIN)
    return lease


class _Wait:
    """Rebuilt by replay."""

    def __init__(self, ctx: Context, thread: p.ThreadRef, owner: str) -> None:
        self._ctx = ctx
        self._thread = thread
        self._owner = owner
        self._notes: list[str] = []
        self._slot = ""
        self._ends = 0.0
        """When it is given up, seconds since 1970: `LONGEST` after people were first told."""

    async def until_had(self, known_generation: int | None) -> sandbox.Lease:
        """Raises as `acquire`."""
        left = LONGEST
        while True:
            try:
                return await sandbox.acquire(
                    self._ctx,
                    self._thread.key,
                    self._owner,
                    known_generation,
                    slow=SLOW,
                    on_slow=lambda: self._tell(STARTING),
                    longest=left,
                )
            except Unreachable as error:
                now = await events.now(self._ctx)
                if self._ends and now + PAUSE.total_seconds() > self._ends:
                    raise
                await self._tell(f"{REFUSED} {error}")
                left = timedelta(seconds=self._ends - now)
            await self._ctx.sleep(PAUSE)

    async def ended(self, text: str) -> None:
        """Says it where people were told of a wait."""
        if self._notes:
            await self._tell(text)

    async def _tell(self, text: str) -> None:
        if not self._slot:
            now = await events.now(self._ctx)
            self._slot = f"note:{self._owner}:waiting {now}"
            self._ends = now + LONGEST.total_seconds()
        if text not in self._notes[-1:]:
            self._notes.append(text)
            note = p.NoteBody(text=text)
            events.show(self._ctx, self._thread, self._slot, len(self._notes), note)
