"""Owns how one journaled effect stops promptly when its invocation is cancelled.

Restate raises a cancel at the handler's next await while the effect's coroutine runs on beside it.
`run` ends that coroutine too, so a cancelled model call or poll is gone within milliseconds.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Generic, TypeVar

from pydantic import BaseModel
from restate import Context, RunOptions, TerminalError
from restate.serde import DefaultSerde, Serde

ABORTED = 499
"""Status of the journal entry of an effect that we ended ourselves. It is never run again."""

T = TypeVar("T", bound=BaseModel)

effects_of_attempt: ContextVar[set[object] | None] = ContextVar("effects_of_attempt", default=None)
"""What an attempt does at the moment, for those who serve it: one that does nothing only waits."""


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
            if (doing := effects_of_attempt.get()) is not None:
                doing.add(self)
            try:
                return await body()
            except asyncio.CancelledError:
                if self._aborted:
                    raise TerminalError("aborted", ABORTED) from None
                raise  # the attempt is over: not journaled, runs again on the next one
            except Exception as error:
                if (written := _written(error)) is None:
                    raise
                raise written from None
            finally:
                if doing is not None:
                    doing.discard(self)

        if options.type_hint is not None and isinstance(options.serde, DefaultSerde):
            options = replace(options, serde=Lean(options.type_hint))
        self.future = ctx.run_typed(name, abortable, options)

    def abort(self) -> None:
        self._aborted = True
        if self._task is not None and not self._task.done():
            self._task.cancel()


def _written(error: Exception) -> Exception | None:
    """What is raised in place of an error that holds half a letter: no journal takes that, and the
    SDK would wait for ever for an effect whose failure it could not write. None: the error itself.
    """
    told = "".join(traceback.format_exception(error))
    if _whole(told) == told:
        return None
    if isinstance(error, TerminalError):
        return TerminalError(_whole(error.message), error.status_code, error.metadata)
    return RuntimeError(_whole(told))


def _whole(text: str) -> str:
    return text.encode(errors="replace").decode()


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
