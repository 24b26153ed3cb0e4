"""Owns the budgets that tasks share: what a channel and a whole workspace may cost in a day (UTC).

Many tasks spend at once, so each draws a part before it spends and gives back the rest: what was
spent and what is drawn never exceed a budget together, and each task passes its part by one call of
the model at most. Tasks draw only where such a budget is set; what each has cost is entered anyway.
"""

from datetime import UTC, datetime

from pydantic import BaseModel
from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import events
from agent import protocol as p
from agent.retries import PROMPT

ledger = VirtualObject(p.LEDGER, invocation_retry_policy=PROMPT)

STATE = "books"
PART = 10
"""A task draws a tenth of what is left, so that one does not take it from all others."""
CALLS_PER_DRAW = 10
"""But enough for this many calls while there is plenty, so that it does not ask at every one."""
HELD_SECONDS = 86_400.0
"""A task not heard of for so long is dead, and what it drew is free again."""
KNOWN_SECONDS = 45 * 86_400.0
"""Longer than people may take to answer."""


class Account(BaseModel):
    """One task that has not ended. In millionths of a dollar."""

    channel: str
    spent: int = 0
    """Entered so far."""
    granted: int = 0
    """What it may have spent before it draws again; at least `spent`."""
    at: float
    """When it was last heard of."""


class Books(BaseModel):
    """One day of a workspace, in millionths of a dollar, which add up exactly. Only grows, with
    defaults."""

    date: str = ""
    day: int = 0
    channels: dict[str, int] = {}
    extras: dict[str, int] = {}
    """What people added today: under `day`, or under the id of a channel."""
    accounts: dict[str, Account] = {}

    def draw(self, request: p.Draw, now: float) -> p.Drawn:
        """Grant a part of what is left in each of the budgets, or nothing."""
        self._turn_to(now)
        account = self._enter(request.task, request.channel, _micros(request.spent_usd), now)
        account.granted = account.spent
        if request.raised is not None:
            where = request.channel if request.raised == "channel" else "day"
            self.extras[where] = self.extras.get(where, 0) + _micros(request.more_usd)
        left = {line.name: self._left(line, request.channel) for line in request.limits}
        reached = next((name for name, micros in left.items() if micros <= 0), None)
        if reached is None and left:
            part = _part(min(left.values()), _micros(request.call_usd))
            account.granted += part
        return p.Drawn(
            granted_usd=_usd(account.granted),
            reached=reached,
            lines=[self._line(line, request.channel) for line in request.limits],
        )

    def settle(self, request: p.Settlement, now: float) -> None:
        """Enter what the task has spent, and free what it drew beyond that."""
        self._turn_to(now)
        spent = _micros(request.spent_usd)
        known = self.accounts.get(request.task)
        if request.cut_off and known is not None:
            spent = max(spent, known.granted)
        account = self._enter(request.task, request.channel, spent, now)
        account.granted = account.spent
        if request.ended:
            del self.accounts[request.task]

    def spending(self, now: float) -> p.Spending:
        self._turn_to(now)
        channels = {channel: _usd(micros) for channel, micros in self.channels.items()}
        return p.Spending(date=self.date, day_usd=_usd(self.day), channels=channels)

    def _enter(self, task: str, channel: str, spent: int, now: float) -> Account:
        """Take in what the task has spent in all; less than before is old news."""
        account = self.accounts.setdefault(task, Account(channel=channel, at=now))
        news = max(spent - account.spent, 0)
        account.spent += news
        account.at = now
        self.day += news
        self.channels[channel] = self.channels.get(channel, 0) + news
        return account

    def _left(self, line: p.BudgetLine, channel: str) -> int:
        drawn = sum(
            account.granted - account.spent
            for account in self.accounts.values()
            if line.name != "channel" or account.channel == channel
        )
        shown = self._line(line, channel)
        return _micros(shown.limit_usd) - _micros(shown.spent_usd) - drawn

    def _line(self, line: p.BudgetLine, channel: str) -> p.BudgetLine:
        of_channel = line.name == "channel"
        extra = self.extras.get(channel if of_channel else "day", 0)
        spent = self.channels.get(channel, 0) if of_channel else self.day
        return p.BudgetLine(
            name=line.name,
            limit_usd=_usd(_micros(line.limit_usd) + extra),
            spent_usd=_usd(spent),
        )

    def _turn_to(self, now: float) -> None:
        """A new day is a new page; what running tasks still hold counts on it. A clock that goes
        back does not bring the old page back."""
        date = datetime.fromtimestamp(now, UTC).date().isoformat()
        if date > self.date:
            self.date, self.day, self.channels, self.extras = date, 0, {}, {}
        for task, account in list(self.accounts.items()):
            if account.at < now - HELD_SECONDS:
                account.granted = account.spent
            if account.at < now - KNOWN_SECONDS:
                del self.accounts[task]


@ledger.handler()
async def draw(ctx: ObjectContext, request: p.Draw) -> p.Drawn:
    books = await ctx.get(STATE, type_hint=Books) or Books()
    drawn = books.draw(request, await events.now(ctx))
    ctx.set(STATE, books)
    return drawn


@ledger.handler()
async def settle(ctx: ObjectContext, request: p.Settlement) -> p.Nothing:
    books = await ctx.get(STATE, type_hint=Books) or Books()
    books.settle(request, await events.now(ctx))
    ctx.set(STATE, books)
    return p.Nothing()


@ledger.handler(kind="shared")
async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.Spending:
    """What today's tasks have cost so far; running ones as far as they have told."""
    books = await ctx.get(STATE, type_hint=Books) or Books()
    return books.spending(await events.now(ctx))


def _part(left: int, call: int) -> int:
    """What one draw takes of `left`: never more, and with luck enough for some calls."""
    some_calls = min(CALLS_PER_DRAW * call, left // 2)
    return min(left, max(left // PART, some_calls, call, 1))


def _micros(usd: float) -> int:
    return round(usd * 1_000_000)


def _usd(micros: int) -> float:
    return micros / 1_000_000
