"""Owns the `Provider` object: the limits of one model at one provider, shared by all sessions.

Its key is `<host>:<model>`. A caller that must not call without a seat asks for one and waits by an
awakeable, which holds no process; it is called when its turn comes. In quiet times callers look
here now and then and call without asking. The arithmetic is `seats.py`.
"""

import time
from datetime import timedelta

from pydantic import BaseModel
from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent.retries import PROMPT
from agent.seats import PASS_SECONDS, Book

OVERDUE_SECONDS = 30.0
"""A call of those who wait that is so late was lost, and is sent again."""
LONGEST_DELAY_SECONDS = 30.0
"""Until they are looked at again, also when the clock of the caller before was wrong."""
BOOK = "book"


class Calling(BaseModel):
    """Those who wait are to be looked at."""

    at: float = 0.0
    """The moment it was sent for; another one was set since if the book has another."""


CALL = p.Handler(p.PROVIDER, "call_those_who_wait", Calling, p.Nothing)

provider = VirtualObject(
    p.PROVIDER,
    invocation_retry_policy=PROMPT,
    journal_retention=timedelta(0),  # where many ask it is asked for every call of the model
)


@provider.handler()
async def take_seat(ctx: ObjectContext, request: p.SeatRequest) -> p.Nothing:
    book, now = await _open(ctx, request.at)
    book.enter(request)
    _close(ctx, book, now)
    return p.Nothing()


@provider.handler()
async def return_seat(ctx: ObjectContext, returned: p.SeatReturn) -> p.Nothing:
    book, now = await _open(ctx, returned.at)
    book.leave(returned, now)
    _close(ctx, book, now)
    return p.Nothing()


@provider.handler()
async def call_those_who_wait(ctx: ObjectContext, calling: Calling) -> p.Nothing:
    """Sent only by this object to itself. It finds out what time it is: what callers say may be
    old, and nothing else would ever tell."""
    book, now = await _open(ctx, 0.0)
    if calling.at == book.called_at:
        book.called_at = 0.0
        _close(ctx, book, now)
    return p.Nothing()


@provider.handler(kind="shared")
async def look(ctx: ObjectSharedContext, _: p.Nothing) -> p.ProviderStanding:
    """May one call without a seat, and until when?"""
    now = time.time()  # not journaled: nothing but the answer depends on it
    book = await ctx.get(BOOK, type_hint=Book)
    if book is not None and book.crowded(now):
        return p.ProviderStanding(crowded=True)
    return p.ProviderStanding(until=now + PASS_SECONDS)


async def _open(ctx: ObjectContext, now: float) -> tuple[Book, float]:
    return await ctx.get(BOOK, type_hint=Book) or Book(), now or await ctx.time()


def _close(ctx: ObjectContext, book: Book, now: float) -> None:
    """Seat those whose turn it is, and see to it that the others are looked at in time."""
    for ticket, granted in book.admit(now):
        ctx.resolve_awakeable(ticket, granted)
    at = book.next_moment(now)
    if at is not None and not now - OVERDUE_SECONDS < book.called_at <= at:
        book.called_at = at
        calling = Calling(at=at).model_dump_json().encode()
        delay = timedelta(seconds=min(max(0.0, at - now), LONGEST_DELAY_SECONDS))
        ctx.generic_send(CALL.service, CALL.name, calling, key=ctx.key(), send_delay=delay)
    ctx.set(BOOK, book)
