"""Owns what one invocation holds of the provider's limits: one seat at most, for one model.

In quiet times a look at the `Provider` object is good for some calls, so that most of them cost
nothing extra. What depends on a clock is decided inside the journaled call, by `until`.
"""

import time
from urllib.parse import urlsplit

from restate import Context, RunOptions

from agent import calls, settings
from agent import protocol as p
from agent.llm import OPENAI_URL, Request, Turn
from agent.seats import PASS_CALLS

SLOW_SECONDS = 10.0
"""A call that takes so long asks for its seat each time: that costs nothing beside it, and nobody
waits for a pass to end."""
BYTES_PER_TOKEN = 3.5


class Provider(p.Wire):
    """Who serves the model, and what the operator lets us ask of it."""

    host: str
    limits: p.ProviderLimits
    at: float
    """When it was read."""


class Passes:
    """Rebuilt by replay.

    Args:
        session: key of the session the calls are for.
    """

    def __init__(self, ctx: Context, session: str) -> None:
        self._ctx = ctx
        self._session = session
        self._provider: Provider | None = None
        self._crowded = False
        """As far as we heard."""
        self._model = ""
        self._ticket = ""
        self._pass = p.SeatPass(calls=0, until=0.0)
        self._made = self._answered = self._tokens = 0
        self._expected = 0
        """Tokens of the next call."""

    async def take(self, request: Request, now: float = 0.0) -> float:
        """Until when the call may begin; waits for a seat where many ask. A cancel ends that; call
        `give_back` then.

        Args:
            now: 0 for not known.

        Raises:
            TerminalError: cancelled.
        """
        if self._model != request.model or self._made >= self._pass.calls:
            self.give_back(now)
            await self._take(request, now)
        self._made += 1
        return self._pass.until

    def answered(self, turn: Turn, now: float) -> None:
        """The call that was taken for worked."""
        used = turn.usage.input + turn.usage.output
        self._answered += 1
        self._tokens += used
        self._expected = used
        if self._made >= self._pass.calls or turn.ms > SLOW_SECONDS * 1000:
            self.give_back(now)

    def give_back(self, now: float = 0.0, refused: p.Refused | None = None) -> None:
        """End the seat, or the wait for one. Tells of a 429, which slows down everyone."""
        if self._ticket or refused is not None:
            self._crowded = self._crowded or refused is not None
            returned = p.SeatReturn(
                ticket=self._ticket,
                at=now,
                calls=self._made,
                answered=self._answered,
                tokens=self._tokens + (self._made - self._answered) * self._expected,
                refused=refused,
            )
            calls.send(self._ctx, p.RETURN_SEAT, self._key, returned)
        self._ticket, self._pass = "", p.SeatPass(calls=0, until=0.0)
        self._made = self._answered = self._tokens = 0

    async def _take(self, request: Request, now: float) -> None:
        if self._provider is None:
            self._provider = await self._ctx.run_typed(
                "provider", _read_provider, RunOptions(type_hint=Provider)
            )
            now = self._provider.at
        provider = self._provider
        self._model = request.model
        if not provider.limits.bounded and not self._crowded:
            standing = await calls.call(self._ctx, p.LOOK_AT_PROVIDER, self._key, p.Nothing())
            if not standing.crowded:
                self._pass = p.SeatPass(calls=PASS_CALLS, until=standing.until)
                return
        if provider.limits.tokens_per_minute and not self._expected:
            self._expected = int(len(request.model_dump_json()) / BYTES_PER_TOKEN)
        self._ticket, granted = self._ctx.awakeable(type_hint=p.SeatPass)
        wanted = p.SeatRequest(
            ticket=self._ticket,
            session=self._session,
            at=now or await self._ctx.time(),
            tokens=self._expected if provider.limits.tokens_per_minute else 0,
            limits=provider.limits,
        )
        calls.send(self._ctx, p.TAKE_SEAT, self._key, wanted)
        self._pass = await granted
        self._crowded = self._pass.calls == 1

    @property
    def _key(self) -> str:
        assert self._provider is not None
        return f"{self._provider.host}:{self._model}"


async def _read_provider() -> Provider:
    """Journaled: a process that replays us may have other settings."""
    now = settings.current()
    url = urlsplit(now.openai_base_url or OPENAI_URL)
    return Provider(
        host=url.netloc.rpartition("@")[2],  # what stands before it is secret
        limits=p.ProviderLimits(
            concurrency=now.llm_concurrency,
            calls_per_minute=now.llm_calls_per_minute,
            tokens_per_minute=now.llm_tokens_per_minute,
        ),
        at=time.time(),
    )
