"""Owns one person's list of recent sessions, for pickers. Knows nothing of what happens in them."""

from pydantic import BaseModel
from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent.retries import PROMPT

person = VirtualObject(p.PERSON, invocation_retry_policy=PROMPT)

STATE = "sessions"
KEPT = 50


class PersonState(BaseModel):
    cards: dict[str, p.SessionCard] = {}


@person.handler()
async def remember(ctx: ObjectContext, card: p.SessionCard) -> p.Nothing:
    """Put the session at its place by time. Late news about it is dropped."""
    state = await ctx.get(STATE, type_hint=PersonState) or PersonState()
    known = state.cards.get(card.thread.key)
    if known is None or known.updated_at <= card.updated_at:
        state.cards[card.thread.key] = card
        newest = sorted(state.cards.values(), key=lambda c: c.updated_at, reverse=True)[:KEPT]
        ctx.set(STATE, PersonState(cards={c.thread.key: c for c in newest}))
    return p.Nothing()


@person.handler(kind="shared")
async def sessions(ctx: ObjectSharedContext, _: p.Nothing) -> p.SessionCards:
    state = await ctx.get(STATE, type_hint=PersonState) or PersonState()
    newest = sorted(state.cards.values(), key=lambda c: c.updated_at, reverse=True)
    return p.SessionCards(sessions=newest)
