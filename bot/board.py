"""Owns what is still to be shown in one thread, in which order and form. Pure state."""

from typing import Literal

from pydantic import BaseModel

from agent import protocol as p
from bot.slot import Form, Slot

PRESENCE_REFRESH_SECONDS = 3000.0
"""Slack forgets `processing` after about an hour."""
PLAN, ACTIVITY = "plan:", "activity:"

PresenceVia = Literal["sessions", "assistant", "none"]

_PLAINER: dict[Form, Form | None] = {"rich": "plain", "plain": "text", "text": None}
_NEXT_VIA: dict[PresenceVia, PresenceVia] = {"sessions": "assistant", "assistant": "none"}


class Due(BaseModel):
    at: float
    urgent: bool = False
    order: int = 0
    since: float = 0.0
    waits_for: str = ""
    """Slack's method for which the thread has a place; its turn comes before `at`."""
    has_waited: bool = False
    """The budget was short when this came up."""


class Place(BaseModel):
    """The thread's place among those who wait to call a method."""

    since: float
    ask_again_at: float
    urgent: bool = False


class Board(BaseModel):
    """What is still to be shown in the thread, and what the workspace turned out to refuse."""

    pending: dict[str, Due] = {}
    """By slot name."""
    arrivals: int = 0
    flush_id: str = ""
    """Invocation id of the one delayed flush."""
    flush_at: float = 0.0
    plain_kinds: list[str] = []
    """Kinds of body whose richer blocks were refused."""
    presence_via: PresenceVia = "sessions"
    places: dict[str, Place] = {}
    """By Slack's method."""
    spoke_at: float = 0.0
    """When a message of ours last appeared or changed."""

    def as_shown(self, event: p.ThreadEvent) -> p.ThreadEvent:
        """The event without what nobody would see: agent sessions have no free text."""
        if isinstance(event.body, p.PresenceBody) and self.presence_via == "sessions":
            body = event.body.model_copy(update={"text": ""})
            return event.model_copy(update={"body": body})
        return event

    def add(self, name: str, at: float, urgent: bool) -> None:
        known = self.pending.get(name)
        if known is None:
            self.arrivals += 1
            self.pending[name] = Due(at=at, urgent=urgent, order=self.arrivals, since=at)
        elif not known.waits_for or (urgent and not known.urgent):
            known.at, known.urgent = min(at, known.at), urgent or known.urgent

    def postpone(self, name: str, at: float) -> None:
        due = self.pending[name]
        due.at, due.waits_for = at, ""

    def has_place(self, name: str, method: str, now: float) -> bool:
        """The thread is waiting to call `method` already, and for something as urgent."""
        place = self.places.get(method)
        if place is None or place.ask_again_at <= now:
            return False
        return place.urgent or not self.pending[name].urgent

    def wait_for_turn(self, name: str, method: str, now: float, seconds: float) -> None:
        """The thread has a place; after `seconds` without a turn it asks again."""
        due, known = self.pending[name], self.places.get(method)
        self.places[method] = Place(
            since=known.since if known else now,
            ask_again_at=now + seconds,
            urgent=due.urgent or (known is not None and known.urgent),
        )
        self.wait(name, method)

    def wait(self, name: str, method: str) -> None:
        due = self.pending[name]
        due.at, due.waits_for, due.has_waited = self.places[method].ask_again_at, method, True

    def turn(self, method: str, now: float) -> None:
        """Whatever waited for this method is due."""
        self.places.pop(method, None)
        for due in self.pending.values():
            if due.waits_for == method:
                due.at, due.waits_for = now, ""

    def is_pointless(self, name: str, slot: Slot) -> bool:
        """Nobody would miss it: a 👀 that the budget held back until we had spoken, and the end of
        what never began to show."""
        due, body = self.pending[name], slot.body
        if isinstance(body, p.ReactionBody):
            if not body.on:
                return not slot.tried_at
            return due.has_waited and self.spoke_at > due.since
        if isinstance(body, p.PresenceBody):
            over = due.has_waited and not slot.tried_at and body.state in ("active", "closed")
            return over or self.presence_via == "none"
        return False

    def remove(self, name: str) -> None:
        self.pending.pop(name, None)

    def next_due(self, now: float) -> str | None:
        """Urgent before ordinary, then in order of arrival."""
        due = [(not d.urgent, d.order, name) for name, d in self.pending.items() if d.at <= now]
        return min(due)[2] if due else None

    def wake_at(self) -> float | None:
        return min((due.at for due in self.pending.values()), default=None)

    def form_of(self, slot: Slot) -> Form:
        kind = slot.body.kind if slot.body else ""
        return "plain" if slot.form == "rich" and kind in self.plain_kinds else slot.form

    def plainer(self, slot: Slot) -> bool:
        """Go one form down; False when there is none left."""
        now = self.form_of(slot)
        down = _PLAINER[now]
        if down is None:
            return False
        if now == "rich" and slot.body is not None:
            self.plain_kinds = [*self.plain_kinds, slot.body.kind]
        slot.form = down
        return True

    def next_presence(self) -> None:
        self.presence_via = _NEXT_VIA.get(self.presence_via, "none")


def slot_name(event: p.ThreadEvent) -> str:
    """The slot an event changes: an activity belongs to the message of its plan."""
    if isinstance(event.body, p.ActivityBody):
        return PLAN + event.slot.removeprefix(ACTIVITY)
    return event.slot


def is_passing(body: p.Body | None) -> bool:
    """Tells only how things stand now: of no use to anybody later."""
    return isinstance(body, p.ReactionBody | p.PresenceBody)
