"""Owns one durable call of the model: a journaled step, streamed inside, ended at once by a cancel.

The provider's transient failures are tried again here and nowhere else; the engine does the
waiting, so its Retry-After costs no process. A failure for good is a TerminalError with one
sentence. Images are read from the sandbox inside the step, so no journal holds them.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache

from restate import Context, RunOptions, TerminalError
from restate.exceptions import RetryableError

from agent import settings
from agent.llm import LLM, LLMFatal, LLMRetry, ReadImage, Request, Turn, Unreadable, images, llm_for
from sandbox import durable
from sandbox.errors import SandboxError

Look = Callable[[str, int], Awaitable[bytes]]
"""Path and limit -> the start of that file, as `SandboxClient.peek` gives it."""

CALL_LIMIT = timedelta(minutes=20)


log = logging.getLogger(__name__)


@cache
def current_llm() -> LLM:
    now = settings.current()
    return llm_for(
        api_key=now.openai_api_key.get_secret_value(),
        api=now.llm_api,
        base_url=now.openai_base_url,
    )


async def ask(ctx: Context, place: str, request: Request, look: Look | None = None) -> Turn:
    """Ask the model once, durably.

    Args:
        place: names the journal entry: `"turn 3"`.
        look: reads the images that `request` refers to; None shows none.

    Raises:
        TerminalError: cancelled (`durable.is_cancel`), or the call can never work; then the message
            is a sentence for people.
    """

    async def call() -> Turn:
        try:
            return await _turn(request, look)
        except LLMRetry as error:
            if error.after is not None:
                wait = timedelta(seconds=error.after)
                raise RetryableError(str(error), retry_after=wait) from error
            raise
        except LLMFatal as error:
            raise TerminalError(str(error), metadata={"code": error.code}) from error

    options = RunOptions(
        type_hint=Turn,
        max_duration=CALL_LIMIT,
        initial_retry_interval=timedelta(milliseconds=200),
        max_retry_interval=timedelta(seconds=10),
    )
    try:
        return await durable.run(ctx, f"{place}: model", call, options)
    except TerminalError as error:
        if durable.is_cancel(error) or error.metadata:
            raise
        minutes = int(CALL_LIMIT.total_seconds() // 60)
        raise TerminalError(
            f"The model could not be reached for {minutes} minutes. Write again to go on."
        ) from error


async def _turn(request: Request, look: Look | None) -> Turn:
    """One answer; without the images when it is them that the server refuses."""
    if not images.has_references(request.items):
        return await current_llm().turn(request)
    if look is None or not settings.current().shows_images:
        return await current_llm().turn(_blind(request, "images are not shown to you."))
    shown = request.model_copy(update={"items": await images.resolved(request.items, _read(look))})
    try:
        return await current_llm().turn(shown)
    except LLMFatal as error:
        if error.code != "bad_request":
            raise
        log.warning("asked again without images: %s", error)
        return await current_llm().turn(_blind(request, "the model's server refused it."))


def _blind(request: Request, why: str) -> Request:
    return request.model_copy(update={"items": images.without(request.items, why)})


def _read(look: Look) -> ReadImage:
    async def read(path: str) -> bytes:
        try:
            return await look(path, images.MOST_BYTES + 1)
        except SandboxError as error:
            raise Unreadable(str(error)) from error

    return read
