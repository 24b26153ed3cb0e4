"""Owns everything that may be used only for a while or a number of times.

Trigger ids (once, three seconds), response URLs (five times, thirty minutes), the addresses of
sockets and of uploads (once).
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from local.slack.errors import SlackError

Clock = Callable[[], float]
Reason = Literal["invalid", "used", "expired"]
T = TypeVar("T")


class TicketRefused(Exception):
    """An unknown ticket, one used up, or one too old."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True)
class Trigger:
    """A gesture of a person that entitles the app to show them one modal."""

    user: str
    view: str | None = None
    """The modal the gesture was made in."""


@dataclass(frozen=True)
class ResponseTarget:
    """Where the answers to one interaction go."""

    user: str
    channel: str
    message_ts: str | None = None
    """The message the interaction came from; it can be replaced or deleted."""


@dataclass
class _Ticket(Generic[T]):
    value: T
    expires_at: float
    uses_left: int


class TicketOffice(Generic[T]):
    """Hands out unguessable tickets and takes them back.

    Args:
        seconds: how long a ticket is good for.
        uses: how often.
    """

    def __init__(self, seconds: float, uses: int = 1, clock: Clock = time.monotonic) -> None:
        self._seconds = seconds
        self._uses = uses
        self._clock = clock
        self._tickets: dict[str, _Ticket[T]] = {}

    def issue(self, value: T) -> str:
        """Three parts with dots, the form Slack asks of trigger ids."""
        number = secrets.randbelow(10**13)
        ticket = f"{number}.{secrets.randbelow(10**13)}.{secrets.token_hex(16)}"
        self._tickets[ticket] = _Ticket(value, self._clock() + self._seconds, self._uses)
        return ticket

    def use(self, ticket: str) -> T:
        """What the ticket stands for. Raises TicketRefused."""
        found = self._tickets.get(ticket)
        if found is None:
            raise TicketRefused("invalid")
        if found.uses_left == 0:
            raise TicketRefused("used")
        if found.expires_at < self._clock():
            raise TicketRefused("expired")
        found.uses_left -= 1
        return found.value


_TRIGGER_ERRORS: dict[Reason, str] = {
    "invalid": "invalid_trigger_id",
    "used": "exchanged_trigger_id",
    "expired": "expired_trigger_id",
}


def exchange_trigger(office: TicketOffice[Trigger], trigger_id: str) -> Trigger:
    """Raises SlackError with the word Slack has for it."""
    try:
        return office.use(trigger_id)
    except TicketRefused as refused:
        raise SlackError(_TRIGGER_ERRORS[refused.reason]) from refused
