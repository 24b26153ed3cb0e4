"""Owns how one journaled effect stops promptly when its invocation is cancelled.

Restate raises a cancel at the handler's next await while the effect's coroutine runs on beside it.
`run` ends that coroutine too, so a cancelled model call or poll is gone within milliseconds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Generic, TypeVar

from pydantic import BaseModel
from restate import Context, RunOptions, TerminalError
from restate.serde import DefaultSerde, Serde

ABORTED = 499
"""Status of the journal entry of an effect that we ended ourselves. It is never run again."""

T = TypeVar("T", bound=BaseModel)


def is_cancel(error: TerminalError) -> bool:
    """True for a cancelled invocation; status 409 alone also means 'promise already completed'."""
    return error.status_code == 409 and error.message == "cancelled"


class Lean(Serde[T]):
    """Leaves out of the journal what has its default; a default of these models never changes."""

    def __init__(self, model: type[T]) -> None:
        self._model = model

    def serialize(self, obj: T | None) -> bytes:
        return b"" if obj is None else obj.model_dump_json(exclude_defaults=True).encode()

    def deserialize(self, buf: bytes) -> T | None:
        return self._model.model_validate_json(buf) if buf else None


class Effect(Generic[T]):
    """A started journal entry that can be raced in `restate.select` and aborted.

    Args:
        name: journal name, a verb with its place: `"turn 3: model"`. Deterministic.
        body: coroutine function that does the effect; it may run twice and must end on
            `asyncio.CancelledError` without leaving anything behind.
        options: retry bounds; `type_hint` is the result's model.
    """

    def __init__(
        self,
        ctx: Context,
        name: str,
        body: Callable[[], Awaitable[T]],
        options: RunOptions[T],
    ) -> None:
        self._task: asyncio.Task[object] | None = None
        self._aborted = False

        async def abortable() -> T:
            self._task = asyncio.current_task()
            try:
                return await body()
            except asyncio.CancelledError:
                if self._aborted:
                    raise TerminalError("aborted", ABORTED) from None
                raise  # the attempt is over: not journaled, runs again on the next one

        if options.type_hint is not None and isinstance(options.serde, DefaultSerde):
            options = replace(options, serde=Lean(options.type_hint))
        self.future = ctx.run_typed(name, abortable, options)

    def abort(self) -> None:
        self._aborted = True
        if self._task is not None and not self._task.done():
            self._task.cancel()


async def run(
    ctx: Context, name: str, body: Callable[[], Awaitable[T]], options: RunOptions[T]
) -> T:
    """Do one journaled effect; a cancel of the invocation ends it at once.

    Raises:
        TerminalError: the invocation was cancelled (see `is_cancel`), or the effect failed for
        good.
    """
    effect = Effect(ctx, name, body, options)
    try:
        return await effect.future
    except TerminalError:
        effect.abort()
        raise
