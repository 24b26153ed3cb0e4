"""Owns the one invocation a task has under way, its planning or a step, raced against people.

A message interrupts it: it is cancelled, and its clean end is waited for.
"""

from typing import Any, TypeVar

from restate import RestateDurableCallFuture, TerminalError, WorkflowContext, select

from sandbox.durable import is_cancel

T = TypeVar("T")


class Child:
    """Rebuilt by replay like the task that holds it."""

    def __init__(self, ctx: WorkflowContext) -> None:
        self._ctx = ctx
        self._invocation: str | None = None
        self.interrupted = False
        """Whether a message came while the last one ran."""

    async def run(self, call: RestateDurableCallFuture[T], until: int) -> T | None:
        """The call's answer; after an interrupt whatever it answers on its clean end, or None.

        Args:
            until: sequence number of the message that interrupts.
        """
        self.interrupted = False
        self._invocation = await call.invocation_id()
        promise = self._ctx.promise(f"interrupt-{until}", type_hint=int)
        winner = await select(work=call, message=promise.value())
        if winner[0] == "work":
            self._invocation = None
            answer: T = winner[1]
            return answer
        self.interrupted = True
        self._ctx.cancel_invocation(self._invocation)
        try:
            return await call
        except TerminalError as error:
            if is_cancel(error):
                return None  # it had not begun, so there is nothing to clean up
            raise
        finally:
            self._invocation = None

    async def settled(self) -> dict[str, Any]:
        """The answer of one that was cancelled together with us, once it ended; empty for none."""
        invocation, self._invocation = self._invocation, None
        if invocation is None:
            return {}
        try:
            answer: dict[str, Any] = await self._ctx.attach_invocation(invocation, type_hint=dict)
        except TerminalError:
            return {}  # it had not begun
        return answer
