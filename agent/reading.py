"""Owns what a task has read of its thread: messages of people, earlier tasks, what was said before.

Rebuilt by replay like the task that holds it.
"""

from datetime import timedelta

from restate import TerminalError, WorkflowContext, select

from agent import calls, history
from agent import protocol as p

MOST_PAUSES = 10


class Reading:
    """Args: `after` is the last message that earlier tasks have read."""

    def __init__(self, ctx: WorkflowContext, thread: p.ThreadRef, after: int) -> None:
        self._ctx = ctx
        self._thread = thread
        self.seen = after
        """Highest sequence number read."""
        self.messages: list[p.HistoryEntry] = []
        self.digests: list[p.TaskDigest] = []
        """Of the newest finished tasks, oldest first."""
        self.summary = ""
        """What the tasks before those came to."""
        self.context: list[p.ThreadMessage] = []
        self.spent_usd = 0.0
        """What earlier tasks of the thread have cost, as budgets count it."""
        self.has_project = False
        """An earlier task may have left files."""
        self._rev = 0

    @property
    def requester(self) -> p.Person:
        """Whose message began the work; one that comes late, however old, changes nothing."""
        return min(self.messages, key=lambda message: message.seq).author

    async def read(self) -> list[p.HistoryEntry]:
        """What is new since the last time, in the order people wrote it.

        Raises TerminalError when the task is being stopped.
        """
        unread = await self._unread(self.seen)
        if unread.stopping is not None:
            raise TerminalError("cancelled", 409)  # our cancel was taken for the child's
        together = sorted([*self.messages, *unread.messages], key=history.order)
        self.messages = history.within_room(together)
        self.seen = max(self.seen, unread.last_seq)
        if unread.rev == 0 or unread.rev != self._rev:
            self._take_before(unread)
        return unread.messages

    def _take_before(self, unread: p.Unread) -> None:
        self.digests, self.summary = unread.digests, unread.summary
        self.context, self._rev = unread.context, unread.rev
        self.spent_usd, self.has_project = unread.spent_usd, unread.has_project

    async def settle(self, seconds: float) -> None:
        """Messages in quick succession become one new plan: wait until there is a pause."""
        for _ in range(MOST_PAUSES):
            promise = self._ctx.promise(f"interrupt-{self.seen + 1}", type_hint=int)
            pause = self._ctx.sleep(timedelta(seconds=seconds), name="settle")
            winner = await select(message=promise.value(), pause=pause)
            if winner[0] == "pause":
                return
            await self.read()

    async def more_to_plan(self) -> bool:
        """Take in what came quietly since; true when there is also something to plan for."""
        return not all(message.quiet for message in await self.read())

    async def stopped_by(self) -> p.Person | None:
        return (await self._unread(self.seen)).stopping

    async def _unread(self, after: int) -> p.Unread:
        request = p.ReadRequest(after_seq=after, knows=self._rev)
        return await calls.call(self._ctx, p.READ_UNREAD, self._thread.key, request)
