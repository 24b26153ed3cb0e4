"""Owns one durable call of the model: a journaled step, streamed inside, ended at once by a cancel.

The provider's transient failures are tried again here and nowhere else; the engine does the
waiting,
so its Retry-After costs no process. A failure for good is a TerminalError with one sentence.
"""

from datetime import timedelta
from functools import cache

from restate import Context, RunOptions, TerminalError
from restate.exceptions import RetryableError

from agent import settings
from agent.llm import LLM, LLMFatal, LLMRetry, Request, Turn, llm_for
from sandbox import durable

CALL_LIMIT = timedelta(minutes=20)


@cache
def current_llm() -> LLM:
    now = settings.current()
    return llm_for(
        api_key=now.openai_api_key.get_secret_value(),
        api=now.llm_api,
        base_url=now.openai_base_url,
    )


async def ask(ctx: Context, place: str, request: Request) -> Turn:
    """Ask the model once, durably. `place` names the journal entry: `"turn 3"`.

    Raises:
        TerminalError: cancelled (`durable.is_cancel`), or the call can never work; then the message
            is a sentence for people.
    """

    async def call() -> Turn:
        try:
            return await current_llm().turn(request)
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
