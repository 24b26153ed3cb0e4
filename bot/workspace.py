"""Owns the `Workspace` object: which thread may call Slack now, for how long nobody may.

A thread asks before each call. When it has to wait it is called by `Thread.turn` at its time. Slack
saying 429, our token being refused, and our being removed hold everyone back; who waits keeps its
place, and is called when it is over. The arithmetic is `budget.py`.
"""

from datetime import timedelta

from pydantic import BaseModel
from restate import ObjectContext, VirtualObject

from agent import calls
from agent import protocol as p
from bot.budget import RATES, Meter, Rate, channel_of
from bot.retries import PROMPT

LOCKED_OUT_SECONDS = 600.0
"""Between two tries with a token that Slack refused."""
OVERDUE_SECONDS = 30.0
"""A call of those who wait that is so late was lost, and is sent again."""
TOGETHER_SECONDS = 0.2
"""Turns that come within this are given together."""
AWAY_SECONDS = 86_400.0
"""After so long a thread asks again whether we are back."""


class Turn(BaseModel):
    """It is this thread's turn to call `method` once."""

    method: str


class Pause(BaseModel):
    """A call was refused for the time being. Whoever made it is the next to try."""

    method: str
    thread: str
    seconds: float = 0.0
    urgent: bool = False
    locked_out: bool = False
    """It was our token that was refused, whatever the method."""


class Calling(BaseModel):
    """Those who wait for `method` are to be called."""

    method: str
    at: float = 0.0
    """The moment it was sent for; another one was set since if the meter has another."""


class Standing(BaseModel):
    """How the workspace stands to us."""

    away: bool = False
    """We were removed from it."""
    locked_until: float = 0.0


TURN = p.Handler(p.THREAD, "turn", Turn, p.Nothing)
PAUSE = p.Handler(p.WORKSPACE, "pause", Pause, p.Nothing)
CALL = p.Handler(p.WORKSPACE, "call_those_who_wait", Calling, p.Nothing)
DEPART = p.Handler(p.WORKSPACE, "depart", p.Nothing, p.Nothing)
ARRIVE = p.Handler(p.WORKSPACE, "arrive", p.Nothing, p.Nothing)

METER, STANDING = "meter ", "standing"


def build_workspace(pace: float = 1.0) -> VirtualObject:
    """The Restate object `Workspace`. `pace` is for workspaces with special limits: how many times
    Slack's ordinary ones they are."""
    rates = {method: rate.paced(pace) for method, rate in RATES.items()}
    workspace = VirtualObject(
        p.WORKSPACE,
        invocation_retry_policy=PROMPT,
        journal_retention=timedelta(0),  # asked before every call to Slack; nobody reads it later
    )

    @workspace.handler(p.GRANT.name)
    async def grant(ctx: ObjectContext, request: p.GrantRequest) -> p.Grant:
        """May this thread call this method now? If not, it has a place and will be called."""
        desk = await _Desk.open(ctx, request.method, rates, request.now)
        desk.meter.enter(request.thread, urgent=request.urgent)
        granted = desk.call_turns(but=request.thread)
        desk.close()
        if desk.standing.away:
            return p.Grant(wait_seconds=AWAY_SECONDS, away=True)
        return p.Grant(wait_seconds=0.0 if granted else desk.patience(request.thread))

    @workspace.handler(PAUSE.name)
    async def pause(ctx: ObjectContext, request: Pause) -> p.Nothing:
        """Hold back every thread's calls of a method, or all calls."""
        desk = await _Desk.open(ctx, request.method, rates)
        desk.pause(request)
        desk.close()
        return p.Nothing()

    @workspace.handler(CALL.name)
    async def call_those_who_wait(ctx: ObjectContext, request: Calling) -> p.Nothing:
        """Call those whose turn it is. Sent only by this object to itself."""
        desk = await _Desk.open(ctx, request.method, rates)
        if request.at == desk.meter.called_at:
            desk.meter.called_at = 0.0
            desk.call_turns()
            desk.close()
        return p.Nothing()

    @workspace.handler(DEPART.name)
    async def depart(ctx: ObjectContext, _: p.Nothing) -> p.Nothing:
        """Slack took our access away: nobody is called until `arrive`."""
        ctx.set(STANDING, Standing(away=True))
        return p.Nothing()

    @workspace.handler(ARRIVE.name)
    async def arrive(ctx: ObjectContext, _: p.Nothing) -> p.Nothing:
        """We have access (again): those who waited are called, at the usual pace."""
        ctx.clear(STANDING)
        meters = [name for name in await ctx.state_keys() if name.startswith(METER)]
        for name in sorted(meters):
            desk = await _Desk.open(ctx, name.removeprefix(METER), rates)
            desk.close()
        return p.Nothing()

    return workspace


class _Desk:
    """One invocation's work on the meter of one method."""

    def __init__(
        self, ctx: ObjectContext, method: str, rate: Rate, meter: Meter, standing: Standing
    ) -> None:
        self.ctx, self.method, self.rate = ctx, method, rate
        self.meter, self.standing = meter, standing
        self.now = 0.0

    @classmethod
    async def open(
        cls, ctx: ObjectContext, method: str, rates: dict[str, Rate], now: float = 0.0
    ) -> "_Desk":
        """`now` as the caller knows it spares a round to the engine: all calls queue here."""
        meter = await ctx.get(METER + method, type_hint=Meter) or Meter()
        standing = await ctx.get(STANDING, type_hint=Standing) or Standing()
        desk = cls(ctx, method, rates.get(method, rates["chat.update"]), meter, standing)
        desk.now = now or await ctx.time()
        return desk

    def call_turns(self, but: str = "") -> bool:
        """Tell everyone whose turn it is; True when it is that of `but`, who need not be told."""
        if self.standing.away or self.standing.locked_until > self.now:
            return False
        called = self.meter.turns(self.rate, self.now)
        for thread in called:
            if thread != but:
                calls.send(self.ctx, TURN, thread, Turn(method=self.method))
        return but in called

    def patience(self, thread: str) -> float:
        """Seconds after which a thread that was not called had better ask again."""
        held = max(self.standing.locked_until, self.meter.paused_until) - self.now
        return max(0.0, held) + self.meter.patience(thread, self.rate)

    def pause(self, request: Pause) -> None:
        if request.locked_out:
            self.standing.locked_until = self.now + LOCKED_OUT_SECONDS
            self.ctx.set(STANDING, self.standing)
        elif self.rate.channel_gap:
            channel, until = channel_of(request.thread), self.now + request.seconds
            self.meter.pause_channel(channel, until, self.rate)
        else:
            self.meter.pause(self.now + request.seconds, self.rate)
        self.meter.enter(request.thread, urgent=request.urgent, first=True)

    def close(self) -> None:
        """Store the meter and see to it that those who wait are called at their time."""
        meter = self.meter
        at = None if self.standing.away else meter.next_turn_at(self.rate)
        if at is not None:
            at = max(at, self.standing.locked_until, self.now + TOGETHER_SECONDS)
            if not self.now - OVERDUE_SECONDS < meter.called_at <= at:
                meter.called_at = at
                self._call_at(at)
        self.ctx.set(METER + self.method, meter)

    def _call_at(self, at: float) -> None:
        calling = Calling(method=self.method, at=at).model_dump_json().encode()
        delay = timedelta(seconds=at - self.now)
        key = self.ctx.key()
        self.ctx.generic_send(CALL.service, CALL.name, calling, key=key, send_delay=delay)


workspace = build_workspace()
"""With Slack's ordinary limits."""
