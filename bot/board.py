"""Owns what one thread shows and what is still to be shown: pure state, decided without Slack.

A slot is one message, one reaction, or the presence line. Newest wins: what nobody saw yet is
dropped for it. Ordinary edits settle for a moment and keep a distance; urgent ones do not wait.
"""

from typing import Literal

from pydantic import BaseModel

from agent import protocol as p

SETTLE_SECONDS = 0.3
"""Changes that arrive together become one edit."""
EDIT_GAP_SECONDS = 1.0
"""Between two edits of one plan message when its state changed."""
ACTIVITY_GAP_SECONDS = (5.0, 5.0, 10.0, 20.0, 40.0, 60.0)
"""Before the n-th edit that only tells the current activity: they thin out as a task grows."""
PRESENCE_REFRESH_SECONDS = 3000.0
"""Slack forgets `processing` after about an hour."""
MOST_FAILURES = 40
LONGEST_BACKOFF_SECONDS = 300.0

PLAN, ACTIVITY = "plan:", "activity:"

Form = Literal["rich", "plain", "text"]
PresenceVia = Literal["sessions", "assistant", "none"]

_OPEN_STATES = ("working", "waiting")
_PLAINER: dict[Form, Form | None] = {"rich": "plain", "plain": "text", "text": None}
_NEXT_VIA: dict[PresenceVia, PresenceVia] = {"sessions": "assistant", "assistant": "none"}


class Slot(BaseModel):
    """One place in the thread. Only grows, with defaults: older releases' slots are read back."""

    ts: str = ""
    """Of the message, once posted."""
    rev: int = -1
    activity_rev: int = -1
    body: p.Body | None = None
    """None once nothing can change any more."""
    activity: str = ""
    waiting: bool = False
    """The activity waits for people."""
    version: int = 0
    """Grows with every change worth showing."""
    shown: int = 0
    """The version on screen, or given up."""
    shown_at: float = 0.0
    only_activity: bool = False
    """Nothing but the activity changed since `shown`."""
    activity_edits: int = 0
    form: Form = "rich"
    gone: bool = False
    """The message was deleted; the slot shows nothing any more."""
    tried_at: float = 0.0
    """Of the first try to post; of a reaction or the presence line, to show it at all."""
    tried_version: int = 0
    """The version all tries to post had; -1 when they differed."""
    maybe_posted: bool = False
    """A post may have happened without our learning its ts."""
    not_before: float = 0.0
    failures: int = 0
    cursor: str = ""
    """Where looking for an earlier post goes on."""
    open_stream: bool = False
    """The message may still be in streaming state."""
    no_stream: bool = False
    """Streaming was tried; what is left is done by ordinary calls."""

    def accept(self, event: p.ThreadEvent) -> bool:
        """Take the event in; False when it changes nothing on screen."""
        if isinstance(event.body, p.ActivityBody):
            return self._accept_activity(event.body, event.rev)
        if event.rev <= self.rev or self.gone:
            return False
        self.rev = event.rev
        if event.body == self.body and self.shown == self.version:
            return False
        if _current_step(event.body) != _current_step(self.body):
            self.activity, self.waiting = "", False  # it belonged to the step before
        self.body, self.only_activity = event.body, False
        self.version += 1
        return True

    def _accept_activity(self, body: p.ActivityBody, rev: int) -> bool:
        if rev <= self.activity_rev or (body.text, body.waiting) == (self.activity, self.waiting):
            return False
        turned = body.waiting != self.waiting
        self.activity_rev, self.activity, self.waiting = rev, body.text, body.waiting
        if not isinstance(self.body, p.PlanBody) or self.body.state != "working":
            return False
        self.only_activity = not turned and (self.shown == self.version or self.only_activity)
        self.version += 1
        return True

    @property
    def face(self) -> p.Body | None:
        """The body as it should look now: a plan whose step waits for people says so."""
        if self.waiting and isinstance(self.body, p.PlanBody) and self.body.state == "working":
            return self.body.model_copy(update={"state": "waiting"})
        return self.body

    def due_at(self, now: float, urgent: bool) -> float:
        """When the pending change should be shown, from the slot's side."""
        at = now
        if isinstance(self.body, p.PlanBody) and self.ts and not urgent:
            at = max(now + SETTLE_SECONDS, self.shown_at + self._gap())
        return max(at, self.not_before)

    def _gap(self) -> float:
        if not self.only_activity:
            return EDIT_GAP_SECONDS
        return ACTIVITY_GAP_SECONDS[min(self.activity_edits, len(ACTIVITY_GAP_SECONDS) - 1)]

    def note_try(self, now: float) -> None:
        """Before a post: should it turn out to be there already, which version was that?"""
        if not self.ts:
            self.tried_at = self.tried_at or now
            first = self.tried_version in (0, self.version)
            self.tried_version = self.version if first else -1

    def settle_found(self, ts: str) -> bool:
        """An earlier try had posted after all; False when what it shows is out of date."""
        self.ts, self.maybe_posted, self.failures, self.cursor = ts, False, 0, ""
        return self.tried_version == self.version

    def settle_shown(self, at: float, ts: str) -> None:
        self.activity_edits += self.only_activity
        self.ts, self.shown, self.shown_at = ts or self.ts, self.version, at
        self.only_activity = self.maybe_posted = self.open_stream = False
        self.failures, self.not_before, self.cursor = 0, 0.0, ""
        if _is_final(self.body):
            self.body, self.activity, self.waiting = None, "", False

    def give_up(self) -> None:
        """Show nothing of the pending change; a later one may still be shown."""
        self.shown, self.body = self.version, None
        self.failures, self.maybe_posted = 0, False

    def back_off(self, now: float) -> bool:
        """Wait longer each time; False when it is time to give up."""
        self.failures += 1
        self.not_before = now + min(2.0 ** (self.failures - 1), LONGEST_BACKOFF_SECONDS)
        return self.failures <= MOST_FAILURES

    def leave_open(self, ts: str) -> None:
        """A stream has this ts and was not ended: it still has to be, by an edit."""
        self.ts, self.open_stream, self.maybe_posted, self.failures = ts, True, False, 0


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


def _current_step(body: p.Body | None) -> list[str]:
    if not isinstance(body, p.PlanBody):
        return []
    return [step.id for step in body.steps if step.status == "in_progress"]


def _is_final(body: p.Body | None) -> bool:
    match body:
        case p.PlanBody():
            return body.state not in _OPEN_STATES
        case p.ApprovalBody():
            return body.outcome is not None
        case p.ResultBody() | p.NoteBody():
            return True
        case _:
            return False
