"""Owns asking the model in the background, durably: one short journaled request starts the answer,
others ask for it, and between them nothing is held.

A start that runs twice (a crash of the process before its journal entry) leaves an answer nobody
asks for: it is paid for, is missing in our count, and stays stored at the provider until that drops
it. One that a cancel interrupts is stopped as soon as its id is known.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache

import restate
from restate import Context, RunOptions, Service, TerminalError
from restate.exceptions import RetryableError

from agent import protocol as p
from agent import settings
from agent.llm import BackgroundLLM, LLMError, LLMFatal, LLMRetry, Turn, endpoint_for
from agent.llm.background import AnswerLost
from agent.receipt import received
from agent.retries import PROMPT
from agent.secrets import redact
from sandbox import durable

LIMIT = timedelta(hours=1)
_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 15.0
_REQUEST_SECONDS = 60.0
_DROP_LIMIT = timedelta(hours=6)

log: logging.Logger = restate.getLogger(__name__)  # type: ignore[no-untyped-call]

_unwanted: set[asyncio.Task[None]] = set()
"""The loop itself keeps no task alive."""

OnLimited = Callable[[p.Refused], Awaitable[None]]
"""Called in the handler; comes back when the provider may be asked again."""

answers = Service("Answers", invocation_retry_policy=PROMPT)


@cache
def current_background() -> BackgroundLLM:
    now = settings.current()
    endpoint = endpoint_for(
        api_key=now.openai_api_key.get_secret_value(),
        base_url=now.openai_base_url,
        idle_timeout_seconds=_REQUEST_SECONDS,
        output_tokens=now.output_tokens,
        parallel=now.llm_parallel,
    )
    return BackgroundLLM(endpoint)


async def ask_in_background(
    ctx: Context,
    place: str,
    start: Callable[[], Awaitable[str]],
    llm: BackgroundLLM,
    *,
    limit: timedelta = LIMIT,
    first_seconds: float = _FIRST_SECONDS,
    on_limited: OnLimited | None = None,
) -> Turn:
    """Ask the model once, durably; however long it takes, no request lasts longer than a moment.

    Args:
        place: names the journal entries: `"turn 3"`.
        start: begins an answer and gives its id: `lambda: llm.start(request)`. Runs inside a
            journaled step, where images may be read.
        limit: longest that is waited, failed answers included.
        first_seconds: until it is asked for the first time; the pauses grow from there.

    Raises:
        TerminalError: cancelled (`durable.is_cancel`; the provider is told to stop), or the call
            can never work; then the message is a sentence for people, and `metadata["code"]` an
            `LLMFatal.code`.
    """
    return await _Asking(ctx, place, start, llm, limit, first_seconds, on_limited).turn()


class _Told(p.Wire):
    """What one request came to."""

    answer: str = ""
    turn: Turn | None = None
    problem: str = ""
    """Why it is worth another try."""
    after: float | None = None
    limited: p.Refused | None = None
    lost: bool = False
    """The answer itself: another one must be started."""


class _Asking:
    """One question. Rebuilt by replay."""

    def __init__(
        self,
        ctx: Context,
        place: str,
        start: Callable[[], Awaitable[str]],
        llm: BackgroundLLM,
        limit: timedelta,
        first_seconds: float,
        on_limited: OnLimited | None,
    ) -> None:
        self._ctx = ctx
        self._place = place
        self._start = start
        self._llm = llm
        self._limit = limit.total_seconds()
        self._first = first_seconds
        self._on_limited = on_limited
        self._waited = 0.0
        self._polls = 0

    async def turn(self) -> Turn:
        began, pause = await self._ctx.time(), self._first
        while True:
            told = await self._request("start", self._started)
            if told.answer:
                told = await self._end_of(told.answer)
            if told.turn is not None:
                ms = round((await self._ctx.time() - began) * 1000)
                return told.turn.model_copy(update={"ms": ms})
            await self._wait(pause, told)
            pause = min(pause * 2, _LONGEST_SECONDS)

    async def _end_of(self, answer: str) -> _Told:
        """Wait for the answer to be over, and have the provider forget it."""
        pause = self._first
        told = _Told()
        try:
            while told.turn is None and not told.lost:
                await self._wait(pause, told)
                pause = min(pause * 1.5, _LONGEST_SECONDS)
                self._polls += 1
                told = await self._request(f"poll {self._polls}", lambda: self._polled(answer))
        except TerminalError:
            self._drop(answer, cancel=True)
            raise
        self._drop(answer)
        return told

    async def _started(self) -> _Told:
        starting = asyncio.ensure_future(self._start())
        try:
            return _Told(answer=await asyncio.shield(starting))
        except asyncio.CancelledError:
            undoing = asyncio.create_task(_undo(starting, self._llm))
            _unwanted.add(undoing)
            undoing.add_done_callback(_unwanted.discard)
            raise

    async def _polled(self, answer: str) -> _Told:
        turn = await self._llm.poll(answer)
        return _Told(turn=received(turn) if turn is not None else None)

    async def _request(self, name: str, body: Callable[[], Awaitable[_Told]]) -> _Told:
        """One journaled request. Passing trouble is told and not raised: a handler that sleeps can
        be cancelled, a step that is about to be tried again cannot."""

        async def once() -> _Told:
            began = time.time()
            try:
                return await body()
            except LLMRetry as error:
                limited = p.Refused(began=began, at=time.time(), after=error.after)
                return _Told(
                    problem=redact(str(error)),
                    after=error.after,
                    limited=limited if error.limited else None,
                    lost=isinstance(error, AnswerLost),
                )
            except LLMFatal as error:
                raise TerminalError(redact(str(error)), metadata={"code": error.code}) from error

        options = RunOptions(type_hint=_Told, max_duration=timedelta(seconds=self._limit))
        return await durable.run(self._ctx, f"{self._place}: model, {name}", once, options)

    async def _wait(self, seconds: float, told: _Told) -> None:
        """Raises TerminalError when it has been waited for long enough."""
        longest = max(seconds, told.after or 0.0)
        self._waited += longest
        if self._waited > self._limit:
            minutes = round(self._limit / 60)
            why = told.problem or "It is still at work."
            raise TerminalError(
                f"The model gave no answer for {minutes} minutes. {why} Write again to go on."
            )
        if told.limited and self._on_limited is not None:
            await self._on_limited(told.limited)
        else:
            seconds = longest
        await self._ctx.sleep(timedelta(seconds=seconds), name=f"{self._place}: model, wait")

    def _drop(self, answer: str, *, cancel: bool = False) -> None:
        self._ctx.service_send(drop, Drop(answer=answer, cancel=cancel))


async def _undo(starting: Awaitable[str], llm: BackgroundLLM) -> None:
    """Stop an answer that nobody will ask for; only the end of its start tells its id."""
    try:
        answer = await starting
        await llm.cancel(answer)
        await llm.delete(answer)
    except LLMError as error:
        log.warning("an answer that was begun in vain may still be made: %s", error)


class Drop(p.Wire):
    answer: str
    """Its id at the provider."""
    cancel: bool = False
    """It may still be made."""


@answers.handler()
async def drop(ctx: Context, request: Drop) -> p.Nothing:
    """Have the provider stop and forget an answer. Apart from who asked, so that neither a stop nor
    the next turn waits for it; twice is the same as once."""

    async def once() -> p.Nothing:
        llm = current_background()
        try:
            if request.cancel:
                await llm.cancel(request.answer)
            await llm.delete(request.answer)
        except LLMRetry as error:
            wait = timedelta(seconds=error.after) if error.after is not None else None
            raise RetryableError(redact(str(error)), retry_after=wait) from error
        except LLMFatal as error:
            raise TerminalError(redact(str(error))) from error
        return p.Nothing()

    options = RunOptions(
        type_hint=p.Nothing,
        max_duration=_DROP_LIMIT,
        initial_retry_interval=timedelta(milliseconds=200),
        max_retry_interval=timedelta(minutes=5),
    )
    try:
        await ctx.run_typed("drop", once, options)
    except TerminalError as error:
        if durable.is_cancel(error):
            raise
        log.warning("the provider still stores the answer %s: %s", request.answer, error.message)
    return p.Nothing()
