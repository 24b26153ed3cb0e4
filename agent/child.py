"""Owns the one invocation a task has under way, its planning or a step, raced against people.

A message interrupts it: it is cancelled, and its clean end is waited for.
"""

from typing import Any, TypeVar

from restate import Context, RestateDurableCallFuture, TerminalError, WorkflowContext, select

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
        answered: T | None = None
        try:
            answered = await call
        except TerminalError as error:
            if not is_cancel(error) or await answer_of(self._ctx, self._invocation) is not None:
                raise  # we were cancelled too: `settled` tells what it had done
        self._invocation = None
        return answered

    async def settled(self) -> dict[str, Any]:
        """The answer of one that was cancelled together with us, once it ended; empty for none."""
        if self._invocation is None:
            return {}
        answer = await answer_of(self._ctx, self._invocation)
        self._invocation = None
        return answer or {}


async def answer_of(ctx: Context, invocation: str) -> dict[str, Any] | None:
    """What an invocation answers, once it ended; None when it ended without an answer.

    A cancel of ours that comes meanwhile looks like one of its own, so it is asked again.
    """
    for _ in range(2):
        try:
            answer: dict[str, Any] = await ctx.attach_invocation(invocation, type_hint=dict)
        except TerminalError as error:
            if not is_cancel(error):
                return None
        else:
            return answer
    return None
