"""Owns the switches by which a test makes this workspace misbehave, each for a number of times."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FaultKind = Literal["ratelimited", "error", "error_after_commit", "drop_ack", "duplicate"]


class Fault(BaseModel):
    """One switch, as `POST /local/faults` sets it."""

    model_config = ConfigDict(extra="forbid")

    method: str = "*"
    """A Web API method; for `drop_ack` and `duplicate` an event or interaction type. `*` is any."""

    kind: FaultKind
    times: int = Field(default=1, ge=1)
    retry_after: int = Field(default=1, ge=0)
    """Seconds, for `ratelimited`."""

    error: str | None = None
    """Slack's word for an `error`; without it the call fails with an HTTP status."""

    status: int = Field(default=503, ge=500, le=599)
    """HTTP status of `error` without a word, and of `error_after_commit`."""


@dataclass
class _Armed:
    fault: Fault
    left: int


class Faults:
    """Faults waiting for their moment; the first that fits is taken."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, fault: Fault) -> None:
        self._armed.append(_Armed(fault, fault.times))

    def clear(self) -> None:
        self._armed.clear()

    def take(self, method: str, *kinds: FaultKind) -> Fault | None:
        """The fault for this call, used up by one; None when none is armed for it."""
        for armed in self._armed:
            if armed.fault.kind in kinds and armed.fault.method in ("*", method):
                armed.left -= 1
                if armed.left == 0:
                    self._armed.remove(armed)
                return armed.fault
        return None
