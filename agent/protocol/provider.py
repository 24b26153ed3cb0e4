"""Owns the words of sharing what a model's provider allows: limits, seats, passes.

A *seat* is the right to call the model; a *ticket* names one request for it, and the seat that
comes of it. Times are seconds since 1970.
"""

from agent.protocol.people import Wire


class ProviderLimits(Wire):
    """What all sessions together may ask of one model; None is no bound."""

    concurrency: int | None = None
    calls_per_minute: int | None = None
    tokens_per_minute: int | None = None

    @property
    def bounded(self) -> bool:
        return any((self.concurrency, self.calls_per_minute, self.tokens_per_minute))


class SeatRequest(Wire):
    """Asks for a seat; the answer is a `SeatPass`, by the awakeable that `ticket` names."""

    ticket: str
    session: str
    at: float = 0.0
    """Now, as the caller knows it: spares the object, where all of them queue, to find out."""
    tokens: int = 0
    """What a call is expected to use; 0 where tokens are not bounded."""
    limits: ProviderLimits = ProviderLimits()


class SeatPass(Wire):
    """A seat, for one call or, in quiet times, for some."""

    calls: int = 1
    until: float
    """No call may begin later."""


class Refused(Wire):
    """The provider said 429."""

    began: float
    """When the call was made."""
    at: float
    after: float | None = None
    """Seconds, when it said for how long."""


class SeatReturn(Wire):
    """The end of a seat, or of waiting for one."""

    ticket: str = ""
    """Empty: the calls were made without a seat."""
    at: float = 0.0
    """Now; 0 for not known."""
    calls: int = 0
    """How many were made."""
    answered: int = 0
    tokens: int = 0
    """What they used, all together."""
    refused: Refused | None = None


class ProviderStanding(Wire):
    crowded: bool = False
    """Nobody may call without a seat."""
    until: float = 0.0
    """If it is not crowded: when to look again."""
