"""Owns one durable call of the model: a journaled step, streamed inside, ended at once by a cancel.

The provider's transient failures are tried again here and nowhere else: each is an answer in the
journal, and the waiting between is durable too, so it holds no process and a cancel ends it. How
many sessions call at once is `passes.py`. A failure for good is a TerminalError with one sentence.
Images are read from the sandbox inside the step, so no journal holds them.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache
from math import inf
from typing import TypeVar

from pydantic import BaseModel
from restate import Context, RunOptions, TerminalError

from agent import protocol as p
from agent import settings
from agent.background import ask_in_background, current_background
from agent.llm import LLM, LLMFatal, LLMRetry, ReadImage, Request, Turn, Unreadable, images, llm_for
from agent.passes import Passes
from agent.receipt import received
from agent.secrets import redact
from sandbox import durable
from sandbox.errors import SandboxError

Look = Callable[[str, int], Awaitable[bytes]]
"""Path and limit -> the start of that file, as `SandboxClient.peek` gives it."""

CALL_LIMIT = timedelta(minutes=20)
ATTEMPTS = 100
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 10.0

log = logging.getLogger(__name__)

T = TypeVar("T")


@cache
def current_llm() -> LLM:
    now = settings.current()
    return llm_for(
        api_key=now.openai_api_key.get_secret_value(),
        api=now.llm_api,
        base_url=now.openai_base_url,
        idle_timeout_seconds=now.llm_idle_seconds,
        output_tokens=now.output_tokens,
        parallel=now.llm_parallel,
    )


class Trouble(BaseModel):
    """An attempt that failed for the time being."""

    began: float
    after: float | None = None
    """Seconds to wait, when the server said so."""
    limited: bool = False
    """It was a 429."""


class Attempt(BaseModel):
    """The journal entry of one attempt. Neither: it came too late for its pass."""

    at: float
    """When it ended, seconds since 1970."""
    turn: Turn | None = None
    trouble: Trouble | None = None


class Caller:
    """Calls the model for one invocation. Rebuilt by replay.

    Args:
        session: key of the session the calls are for; calls of all sessions share what the provider
            allows.
        background: answers are made in the background and asked for.
    """

    def __init__(self, ctx: Context, session: str, *, background: bool = False) -> None:
        self._ctx = ctx
        self._background = background
        self._passes = Passes(ctx, session)
        self.under_way = False
        """A request may be with the provider: a cancel now cuts its answer off."""

    async def ask(self, place: str, request: Request, look: Look | None = None) -> Turn:
        """Ask the model once, durably.

        Args:
            place: names the journal entry: `"turn 3"`.
            look: reads the images that `request` refers to; None shows none.

        Raises:
            TerminalError: cancelled (`durable.is_cancel`), or the call can never work; then the
                message is a sentence for people, and `metadata["code"]` an `LLMFatal.code`.
        """
        try:
            if self._background:
                return await self._ask_in_background(place, request, look)
            return await self._ask(place, request, look)
        except TerminalError as error:
            self.under_way = self.under_way and durable.is_cancel(error)
            self.rest()
            raise

    def rest(self) -> None:
        """No call follows for a while: give back what is held of the provider's limits."""
        self._passes.give_back()

    async def _ask(self, place: str, request: Request, look: Look | None) -> Turn:
        patience, now, late = Patience(), 0.0, False
        for number in range(1, ATTEMPTS + 1):
            until = await self._passes.take(request, now)
            name = f"{place}: model" if number == 1 else f"{place}: model, attempt {number}"
            until = inf if late else until  # late for a new pass too: clocks differ
            self.under_way = True
            attempt = await _attempt(self._ctx, name, request, look, until)
            self.under_way = False
            now, trouble = attempt.at, attempt.trouble
            if attempt.turn is not None:
                self._passes.answered(attempt.turn, now)
                return attempt.turn
            if trouble is None:
                self._passes.give_back(now)
                late = True
                continue
            refused = p.Refused(began=trouble.began, at=now, after=trouble.after)
            self._passes.give_back(now, refused if trouble.limited else None)
            wait = patience.wait(trouble, now, self._ctx.random().uniform(0.5, 1.0))
            if wait:
                await self._ctx.sleep(timedelta(seconds=wait), name=f"{name}: wait")
                now = 0.0  # it may have been longer
        raise _unreachable()

    async def _ask_in_background(self, place: str, request: Request, look: Look | None) -> Turn:
        """A 429 gives the seat back, and the next request waits for another."""
        llm = current_background()

        async def limited(refused: p.Refused) -> None:
            self.under_way = False
            self._passes.give_back(refused.at, refused)
            await self._passes.take(request, refused.at)
            self.under_way = True

        async def start() -> str:
            return await _shown(request, look, llm.start)

        await self._passes.take(request)
        self.under_way = True
        turn = await ask_in_background(self._ctx, place, start, llm, on_limited=limited)
        self.under_way = False
        self._passes.answered(turn, await self._ctx.time())
        return turn


class Patience:
    """How long the troubles of one call are borne."""

    def __init__(self) -> None:
        self._since: float | None = None
        """The first of the failures in a row that were no 429: those come from a server that is
        well, and are bounded by the number of attempts."""
        self._next = FIRST_WAIT_SECONDS

    def wait(self, trouble: Trouble, now: float, jitter: float) -> float:
        """Seconds to wait before the next attempt; none after a 429: the next pass comes when it is
        over.

        Raises:
            TerminalError: it has lasted too long.
        """
        limit = CALL_LIMIT.total_seconds()
        if trouble.after is not None and trouble.after > limit:
            minutes = round(trouble.after / 60)
            raise TerminalError(
                f"The model's server asks us to wait for {minutes} minutes. Write again to go on."
            )
        if trouble.limited:
            self._since = None
            return 0.0
        self._since = now if self._since is None else self._since
        wait = self._next * jitter if trouble.after is None else trouble.after
        self._next = min(2 * self._next, LONGEST_WAIT_SECONDS)
        if now + wait - self._since > limit:
            raise _unreachable()
        return wait


_OPTIONS = RunOptions(
    serde=durable.Lean(Attempt),
    max_duration=CALL_LIMIT,  # of failures that nobody foresaw
    initial_retry_interval=timedelta(milliseconds=200),
    max_retry_interval=timedelta(seconds=10),
)


async def _attempt(
    ctx: Context, name: str, request: Request, look: Look | None, until: float
) -> Attempt:
    """One journaled attempt. Raises TerminalError when cancelled, or when it can never work."""

    async def call() -> Attempt:
        began = time.time()
        if began > until:
            return Attempt(at=began)
        try:
            turn = received(await _shown(request, look, current_llm().turn))
            return Attempt(at=time.time(), turn=turn)
        except LLMRetry as error:
            log.warning("%s: %s", name, error)
            trouble = Trouble(began=began, after=error.after, limited=error.limited)
            return Attempt(at=time.time(), trouble=trouble)
        except LLMFatal as error:
            raise TerminalError(redact(str(error)), metadata={"code": error.code}) from error

    try:
        return await durable.run(ctx, name, call, _OPTIONS)
    except TerminalError as error:
        if durable.is_cancel(error) or error.metadata:
            raise
        raise _unreachable() from error


def _unreachable() -> TerminalError:
    minutes = int(CALL_LIMIT.total_seconds() // 60)
    return TerminalError(
        f"The model could not be reached for {minutes} minutes. Write again to go on."
    )


async def _shown(request: Request, look: Look | None, send: Callable[[Request], Awaitable[T]]) -> T:
    """Send it with its images; without them when it is them that the server refuses."""
    if not images.has_references(request.items):
        return await send(request)
    if look is None or not settings.current().shows_images:
        return await send(_blind(request, "images are not shown to you."))
    shown = request.model_copy(update={"items": await images.resolved(request.items, _read(look))})
    try:
        return await send(shown)
    except LLMFatal as error:
        if error.code != "bad_request":
            raise
        log.warning("asked again without images: %s", error)
        return await send(_blind(request, "the model's server refused it."))


def _blind(request: Request, why: str) -> Request:
    return request.model_copy(update={"items": images.without(request.items, why)})


def _read(look: Look) -> ReadImage:
    async def read(path: str) -> bytes:
        try:
            return await look(path, images.MOST_BYTES + 1)
        except SandboxError as error:
            raise Unreadable(str(error)) from error

    return read
