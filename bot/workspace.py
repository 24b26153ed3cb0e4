"""Owns a workspace's budget of Slack calls, fair over its threads.

Slack counts per method and workspace. Each method has two lanes: an ordinary one, where a thread
that has to wait keeps its place, one per thread, and a small one that urgent calls may use as well.
"""

from datetime import timedelta

from pydantic import BaseModel
from restate import ObjectContext, VirtualObject

from agent import protocol as p

workspace = VirtualObject(
    p.WORKSPACE,
    state_preload=False,
    journal_retention=timedelta(0),  # asked before every call to Slack; nobody reads it later
)

NO_SHOW_SECONDS = 30.0
"""A thread that does not come back for its place by then has lost it."""


class Rate(BaseModel):
    per_minute: float
    burst: int


_TIER_3 = (Rate(per_minute=38, burst=8), Rate(per_minute=12, burst=6))
_PER_CHANNEL = (Rate(per_minute=50, burst=4), Rate(per_minute=10, burst=4))
_GENEROUS = (Rate(per_minute=90, burst=20), Rate(per_minute=10, burst=10))

RATES: dict[str, tuple[Rate, Rate]] = {
    "chat.postMessage": _PER_CHANNEL,
    "chat.update": _TIER_3,
    "reactions.add": _TIER_3,
    "reactions.remove": _TIER_3,
    "agents.sessions.setStatus": _TIER_3,
    "assistant.threads.setStatus": _GENEROUS,
}
"""Ordinary lane and urgent lane of each method; together what Slack allows."""


class Lane(BaseModel):
    """A meter that hands out moments at an even pace, with some saved up while idle."""

    next_at: float = 0.0
    places: dict[str, float] = {}
    """Moments promised to threads that were told to wait."""

    def first_free(self, thread: str, now: float, rate: Rate) -> float:
        """The earliest moment for this thread; now or earlier means it may go."""
        promised = self.places.get(thread)
        if promised is not None:
            return promised
        return max(self.next_at, now - (rate.burst - 1) * 60.0 / rate.per_minute)

    def take(self, thread: str, now: float, rate: Rate) -> float:
        """Go now, or keep a place. Returns the seconds to wait."""
        at = self.first_free(thread, now, rate)
        if thread not in self.places:
            self.next_at = at + 60.0 / rate.per_minute
        if at <= now:
            self.places.pop(thread, None)
            return 0.0
        self.places[thread] = at
        return at - now

    def pause(self, until: float) -> None:
        """Move all places behind `until` and keep their distances: no rush when it opens again."""
        shift = max(0.0, until - min(self.places.values(), default=until))
        self.places = {thread: at + shift for thread, at in self.places.items()}
        self.next_at = max(self.next_at + shift, until)

    def forget_no_shows(self, now: float) -> None:
        late = [thread for thread, at in self.places.items() if at + NO_SHOW_SECONDS < now]
        for thread in late:
            del self.places[thread]


class Meter(BaseModel):
    """The two lanes of one method."""

    ordinary: Lane = Lane()
    urgent: Lane = Lane()

    def grant(self, request: p.GrantRequest, now: float) -> float:
        ordinary_rate, urgent_rate = RATES.get(request.method, _GENEROUS)
        self.ordinary.forget_no_shows(now)
        self.urgent.forget_no_shows(now)
        if request.urgent:
            sooner = self.urgent.first_free(request.thread, now, urgent_rate)
            if sooner <= self.ordinary.first_free(request.thread, now, ordinary_rate):
                return self.urgent.take(request.thread, now, urgent_rate)
        return self.ordinary.take(request.thread, now, ordinary_rate)

    def pause(self, until: float) -> None:
        """Slack said when it will take calls again: nothing goes before."""
        self.ordinary.pause(until)
        self.urgent.pause(until)


class Pause(BaseModel):
    """Slack answered 429 to `method`."""

    method: str
    thread: str
    seconds: float


@workspace.handler("grant")
async def grant(ctx: ObjectContext, request: p.GrantRequest) -> p.Grant:
    """May this thread call this method now? If not, its place is kept for when it comes back."""
    name = _meter_name(request.method, request.thread)
    meter = await ctx.get(name, type_hint=Meter) or Meter()
    wait = meter.grant(request, await ctx.time())
    ctx.set(name, meter)
    return p.Grant(wait_seconds=wait)


@workspace.handler("pause")
async def pause(ctx: ObjectContext, request: Pause) -> p.Nothing:
    """Hold every thread's calls of a method back for as long as Slack asked."""
    name = _meter_name(request.method, request.thread)
    meter = await ctx.get(name, type_hint=Meter) or Meter()
    meter.pause(await ctx.time() + request.seconds)
    ctx.set(name, meter)
    return p.Nothing()


def _meter_name(method: str, thread: str) -> str:
    """Posts are counted per channel, everything else per workspace."""
    if method == "chat.postMessage":
        return f"{method} {thread.rpartition(':')[0]}"
    return method
