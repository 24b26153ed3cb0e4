"""Owns one place in a thread: what it shows, what it should show, and when. Pure state.

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
MOST_FAILURES = 40
LONGEST_BACKOFF_SECONDS = 300.0

Form = Literal["rich", "plain", "text"]

_OPEN_STATES = ("working", "waiting")


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
    spent: p.Spent | None = None
    """By the task of this plan, as last told."""
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
        event = self._with_what_is_unsaid(event)
        if _current_step(event.body) != _current_step(self.body):
            self.activity, self.waiting = "", False  # it belonged to the step before
        self.body, self.only_activity = event.body, False
        self.version += 1
        return True

    def _with_what_is_unsaid(self, event: p.ThreadEvent) -> p.ThreadEvent:
        """Only the first presence has the title, and the next may come before it could be shown."""
        body, last = event.body, self.body
        if not isinstance(body, p.PresenceBody) or not isinstance(last, p.PresenceBody):
            return event
        if body.title or self.shown == self.version:
            return event
        unsaid = {"title": last.title, "initiator": body.initiator or last.initiator}
        return event.model_copy(update={"body": body.model_copy(update=unsaid)})

    def _accept_activity(self, body: p.ActivityBody, rev: int) -> bool:
        if rev <= self.activity_rev:
            return False
        self.spent = body.spent or self.spent
        if (body.text, body.waiting) == (self.activity, self.waiting):
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
