"""Owns how the errors of this package cross the journal.

A backend's error is journaled as a TerminalError whose status names it, and comes out as itself, so
a replay raises what the first run raised. `Retryable` is tried again by the engine, a bounded
number of times.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel
from restate import Context, RunOptions, TerminalError

from sandbox import durable
from sandbox.errors import (
    Fatal,
    Fenced,
    FileProblem,
    Retryable,
    SandboxError,
    SandboxGone,
    SnapshotGone,
    Unreachable,
)

T = TypeVar("T", bound=BaseModel)

STATUSES: dict[type[SandboxError], int] = {
    SandboxGone: 410,
    FileProblem: 422,
    Fenced: 423,
    Fatal: 424,
    Unreachable: 503,
    SnapshotGone: 428,
}
"""Never 409, which is how a cancel looks."""
EXHAUSTED = 500
"""The engine's status for an effect that failed at every attempt."""
ATTEMPTS = 30
"""Three minutes in all: longer than most troubles of a provider."""


async def effect(
    ctx: Context,
    name: str,
    body: Callable[[], Awaitable[T]],
    result: type[T],
    attempts: int = ATTEMPTS,
) -> T:
    """Do one journaled effect on the sandbox; a cancel of the invocation ends it at once.

    Raises:
        SandboxError: what the backend raised; `Unreachable` when no attempt reached it.
        TerminalError: the invocation was cancelled.
    """

    async def journaled() -> T:
        try:
            return await body()
        except Retryable:
            raise
        except SandboxError as error:
            raise to_terminal(error) from error

    options: RunOptions[T] = RunOptions(
        type_hint=result,
        max_attempts=attempts,
        initial_retry_interval=timedelta(milliseconds=50),
        retry_interval_factor=1.5,
        max_retry_interval=timedelta(seconds=10),
    )
    with journaled_errors():
        return await durable.run(ctx, name, journaled, options)


@contextmanager
def journaled_errors() -> Iterator[None]:
    """An error of the sandbox that comes out of the journal is raised as itself; a cancel and
    foreign errors pass."""
    try:
        yield
    except TerminalError as error:
        known = _from_terminal(error)
        if known is None:
            raise
        raise known from error


def to_terminal(error: SandboxError) -> TerminalError:
    status = STATUSES.get(type(error), STATUSES[Fatal])
    return TerminalError(str(error), status, {"code": type(error).__name__})


def _from_terminal(error: TerminalError) -> SandboxError | None:
    """The sandbox's error behind a journaled one; None for a cancel and for foreign ones."""
    for kind, status in STATUSES.items():
        if error.status_code == status:
            return kind(error.message)
    if error.status_code == EXHAUSTED:
        return Unreachable(f"The sandbox could not be reached: {error.message}")
    return None
