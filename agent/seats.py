"""Owns the arithmetic of a model's limits: who has a seat, who comes next, how many there are.

First come, first served, except that a session's further requests go behind a whole round of the
others. A 429 holds everyone back for as long as it says and halves the number of seats. They grow
back as TCP's window does, while they are all taken and their calls work: fast to what worked, then
by small steps. Nothing here knows the engine.
"""

from bisect import insort
from math import inf
from typing import NamedTuple

from pydantic import BaseModel

from agent import protocol as p

CALL_SECONDS = 1200.0
"""No call lasts longer: after that a seat whose holder has died is free."""
PASS_CALLS = 20
PASS_SECONDS = 30.0
LAST_CALL_SECONDS = 60.0
"""What the last call of a pass may take beyond it. Holders of slow calls return a pass sooner."""
CROWDED_SECONDS = 600.0
"""After the last 429; then what was learned from it is forgotten."""
FIRST_SEATS = 8.0
"""Where a 429 is the first that is heard of a limit. They double with each round that works."""
STEP_SECONDS = 10.0
"""Between two tries of more seats than ever worked; each step that works doubles the next."""
LONGEST_PAUSE_SECONDS = 15.0
"""After a 429 that does not say how long."""
MINUTE = 60.0


class Waiting(NamedTuple):
    """In their order. A tuple, because a thousand of them are read and written each time."""

    rank: int
    ticket: str
    session: str
    tokens: int = 0


class Seat(BaseModel):
    session: str
    since: float
    until: float
    """When it is free again, if nobody returns it."""
    calls: int = 1
    """Allowed, and taken from the bucket."""
    tokens: int = 0
    """Taken from the bucket, for all calls."""


class Bucket(BaseModel):
    """An allowance per minute: a burst, the rest evenly, so that no minute, wherever it begins,
    sees more than the allowance; also when half a burst was given in advance."""

    spent: float = 0.0
    at: float = 0.0

    def level(self, per_minute: int, now: float) -> float:
        """What may be taken now; below zero when more was used than expected."""
        return burst(per_minute) - max(0.0, self.spent - self._refill(per_minute, now))

    def take(self, amount: float, per_minute: int, now: float) -> None:
        self.spent = max(0.0, self.spent - self._refill(per_minute, now)) + amount
        self.at = max(self.at, now)

    def ready_at(self, amount: float, per_minute: int, now: float) -> float:
        lack = min(amount, burst(per_minute)) - self.level(per_minute, now)
        return now + max(0.0, lack) / _rate(per_minute)

    def _refill(self, per_minute: int, now: float) -> float:
        return max(0.0, now - self.at) * _rate(per_minute)


def burst(per_minute: int) -> float:
    return max(1.0, per_minute / 6)


def _rate(per_minute: int) -> float:
    return max(per_minute - 1.5 * burst(per_minute), 0.5) / MINUTE


class Book(BaseModel):
    """The state of one model at one provider."""

    asked: int = 0
    """Requests so far."""
    waiting: list[Waiting] = []
    """By rank."""
    seats: dict[str, Seat] = {}
    """By ticket."""
    limits: p.ProviderLimits = p.ProviderLimits()
    """As the newest request told them."""
    calls: Bucket = Bucket()
    tokens: Bucket = Bucket()
    learned: float | None = None
    """How many seats the 429s leave; None: none came."""
    ceiling: float | None = None
    """How many worked when more were refused; None: not known."""
    step: float = 1.0
    grew_at: float = 0.0
    held_until: float = 0.0
    """Nobody may call before."""
    refusals: int = 0
    """In a row, counted once per pause."""
    crowded_until: float = 0.0
    called_at: float = 0.0
    """When those who wait are looked at next without anybody's request."""

    @property
    def most(self) -> float:
        """Seats there are."""
        bounds = [float(bound) for bound in (self.limits.concurrency, self.learned) if bound]
        return max(1.0, float(int(min(bounds)))) if bounds else inf

    def crowded(self, now: float) -> bool:
        return bool(self.waiting) or now < max(self.crowded_until, self.held_until)

    def enter(self, request: p.SeatRequest) -> None:
        """Give the request a place among those who wait."""
        self.limits = request.limits
        if request.ticket in self.seats or any(w.ticket == request.ticket for w in self.waiting):
            return
        held = [s.session for s in self.seats.values()] + [w.session for w in self.waiting]
        rounds = held.count(request.session)
        self.asked += 1
        rank = self.asked + rounds * (len(self.waiting) + 1)
        insort(self.waiting, Waiting(rank, request.ticket, request.session, request.tokens))

    def leave(self, returned: p.SeatReturn, now: float) -> None:
        """Take back a seat, or a place among those who wait, and what was heard meanwhile."""
        self.waiting = [w for w in self.waiting if w.ticket != returned.ticket]
        in_use = len(self.seats)
        seat = self.seats.pop(returned.ticket, None)
        if seat is not None:
            self._settle(seat, returned, now)
        if returned.refused is not None:
            self._hold(returned.refused, seat, in_use, now)
        elif returned.answered and seat is not None and seat.since >= self.held_until:
            self.refusals = 0
            if in_use >= self.most or self._lacks_seats(now):
                self._grow(now)

    def admit(self, now: float) -> list[tuple[str, p.SeatPass]]:
        """Seat those whose turn it is; each with its pass."""
        self._forget(now)
        admitted = []
        while self.waiting and self._opens_at(self.waiting[0], now) <= now:
            one = self.waiting.pop(0)
            admitted.append((one.ticket, self._seat(one, now)))
        return admitted

    def next_moment(self, now: float) -> float | None:
        """When somebody who waits may be seated, if nothing else happens; None: nobody waits."""
        return self._opens_at(self.waiting[0], now) if self.waiting else None

    def _opens_at(self, one: Waiting, now: float) -> float:
        at = self._allowed_at(one, now)
        over = len(self.seats) - self.most
        if over >= 0:
            at = max(at, sorted(seat.until for seat in self.seats.values())[int(over)])
        return at

    def _allowed_at(self, one: Waiting, now: float) -> float:
        """When it may have a seat, if there is one."""
        at = max(now, self.held_until)
        if self.limits.calls_per_minute:
            at = max(at, self.calls.ready_at(1, self.limits.calls_per_minute, now))
        if self.limits.tokens_per_minute:
            at = max(at, self.tokens.ready_at(one.tokens, self.limits.tokens_per_minute, now))
        return at

    def _lacks_seats(self, now: float) -> bool:
        return bool(self.waiting) and self._allowed_at(self.waiting[0], now) <= now

    def _seat(self, one: Waiting, now: float) -> p.SeatPass:
        calls = self._calls_of_pass(one, now)
        many = calls > 1
        until = now + (PASS_SECONDS if many else CALL_SECONDS)
        self.seats[one.ticket] = Seat(
            session=one.session,
            since=now,
            until=until + (LAST_CALL_SECONDS if many else 0),
            calls=calls,
            tokens=calls * one.tokens,
        )
        self._take(calls, calls * one.tokens, now)
        return p.SeatPass(calls=calls, until=until)

    def _calls_of_pass(self, one: Waiting, now: float) -> int:
        """More than one while it is quiet: most seats are free, and half the buckets is left."""
        if self.crowded(now) or 2 * (len(self.seats) + 1) > self.most:
            return 1
        calls = float(PASS_CALLS)
        if self.limits.calls_per_minute:
            calls = min(calls, self.calls.level(self.limits.calls_per_minute, now) / 2)
        if self.limits.tokens_per_minute and one.tokens:
            level = self.tokens.level(self.limits.tokens_per_minute, now)
            calls = min(calls, level / 2 / one.tokens)
        return max(1, int(calls))

    def _take(self, calls: float, tokens: float, now: float) -> None:
        if self.limits.calls_per_minute:
            self.calls.take(calls, self.limits.calls_per_minute, now)
        if self.limits.tokens_per_minute:
            self.tokens.take(tokens, self.limits.tokens_per_minute, now)

    def _settle(self, seat: Seat, returned: p.SeatReturn, now: float) -> None:
        """What was taken in advance and not used goes back; what was used beyond it is owed."""
        self._take(min(0, returned.calls - seat.calls), returned.tokens - seat.tokens, now)

    def _hold(self, refused: p.Refused, seat: Seat | None, in_use: int, now: float) -> None:
        self.crowded_until = max(self.crowded_until, now + CROWDED_SECONDS)
        after = None if refused.after is None else min(refused.after, CALL_SECONDS)
        one_call = seat is not None and seat.calls == 1
        began = seat.since if seat is not None and one_call else refused.began
        if began < self.held_until:  # made before we slowed down: one more that was too many
            if one_call and self.ceiling is not None:
                self.ceiling = max(1.0, self.ceiling - 1)
            self.held_until = max(self.held_until, refused.at + (after or 0.0))
            return
        self.refusals += 1
        pause = min(2.0 ** min(self.refusals - 1, 10), LONGEST_PAUSE_SECONDS)
        self.held_until = max(now, refused.at + (after or pause))
        self.step, self.grew_at = 1.0, self.held_until
        if seat is None:
            self.ceiling = None
            self.learned = max(1.0, self.learned / 2) if self.learned else FIRST_SEATS
        else:
            self.ceiling = max(1.0, in_use - 1.0)
            self.learned = max(1.0, self.ceiling / 2)

    def _grow(self, now: float) -> None:
        told = self.limits.concurrency
        if self.learned is None or (told and self.learned >= told):
            return
        if self.ceiling is None or self.learned < self.ceiling:
            self.learned = min(self.learned + 1, self.ceiling or inf)
        elif now >= self.grew_at + STEP_SECONDS:
            self.learned = self.ceiling = self.learned + self.step
            self.step, self.grew_at = 2 * self.step, now

    def _forget(self, now: float) -> None:
        self.seats = {ticket: seat for ticket, seat in self.seats.items() if seat.until > now}
        if not self.crowded(now):
            self.learned, self.ceiling, self.refusals = None, None, 0
