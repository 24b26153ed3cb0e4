"""Owns what the two ways to the app, Socket Mode and HTTP, have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from local.slack.state import Json

Drops = Callable[[], bool]
EnvelopeType = Literal["events_api", "interactive", "slash_commands"]


@dataclass(frozen=True)
class Delivery:
    """One try to get something to the app."""

    kind: str
    """Type of the event or interaction, or the command; faults are named after it."""

    type: EnvelopeType
    payload: Json
    attempt: int = 0
    reason: str = ""
    """Why the try before failed."""


class NotAcknowledged(Exception):
    """The app did not take a delivery.

    Args:
        reason: Slack's word, which the next try carries.
        final: the app asked not to be tried again.
        detail: what it did instead, after "The app".
    """

    def __init__(self, reason: str, *, final: bool = False, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final
        self.detail = detail

    def sentence(self, seconds: float) -> str:
        detail = self.detail or f"did not answer within {seconds:g} seconds"
        return f"The app {detail}."


class Transport(Protocol):
    @property
    def ready(self) -> bool:
        """Whether the app can be reached now."""

    async def until_ready(self) -> None: ...

    async def deliver(self, delivery: Delivery, drops: Drops, seconds: float) -> Json | None:
        """What the app answered with its acknowledgement.

        Args:
            delivery: what to send.
            drops: asked when the acknowledgement came: whether to lose it.
            seconds: how long to wait for it.

        Raises:
            NotAcknowledged: it did not take it, in time or at all.
        """
