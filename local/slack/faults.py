"""Owns the switches by which a test makes this workspace misbehave: now and then, or as weather.

A `Fault` happens a number of times to the next calls or events that fit. `Weather` is for long
runs: it happens to any of them with a probability, the same ones again for the same seed.
"""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from local.slack.state import Json

FaultKind = Literal[
    "ratelimited", "error", "error_after_commit", "drop_ack", "duplicate", "reorder", "delay"
]

CALM = ("api.test", "apps.connections.open", "auth.test")
"""Methods the weather leaves alone: an app that cannot even start shows nothing."""


class Fault(BaseModel):
    """One switch, as `POST /local/faults` sets it."""

    model_config = ConfigDict(extra="forbid")

    method: str = "*"
    """A Web API method; for `drop_ack` and `duplicate` an event or interaction type, for `reorder`
    and `delay` an event type. `*` is any."""

    match: str = ""
    """Only calls whose arguments hold this: a thread's ts, for one. Of Web API methods alone."""

    kind: FaultKind
    times: int = Field(default=1, ge=1)
    retry_after: int = Field(default=1, ge=0)
    """Seconds, for `ratelimited`."""

    error: str | None = None
    """Slack's word for an `error`; without it the call fails with an HTTP status."""

    status: int = Field(default=503, ge=500, le=599)
    """HTTP status of `error` without a word, and of `error_after_commit`."""

    after: int = Field(default=1, ge=1)
    """`reorder`: held back until so many later events are through, or until `seconds` are over."""

    seconds: float = Field(default=1.0, gt=0)
    """Longest wait of `reorder`; the wait of `delay`."""


class Weather(BaseModel):
    """What happens in the background, each with a probability; `POST /local/weather` sets it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    ratelimited: float = Field(default=0.0, ge=0, le=1)
    error: float = Field(default=0.0, ge=0, le=1)
    error_after_commit: float = Field(default=0.0, ge=0, le=1)
    drop_ack: float = Field(default=0.0, ge=0, le=1)
    duplicate: float = Field(default=0.0, ge=0, le=1)
    reorder: float = Field(default=0.0, ge=0, le=1)
    delay: float = Field(default=0.0, ge=0, le=1)

    retry_after: int = Field(default=1, ge=0)
    seconds: float = Field(default=1.0, gt=0)
    """As in `Fault`."""

    def chance(self, kind: FaultKind) -> float:
        return float(getattr(self, kind))


@dataclass
class _Armed:
    fault: Fault
    left: int


class Faults:
    """Faults waiting for their moment; the first that fits is taken, else the weather decides."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._weather: Weather | None = None
        self._dice: dict[tuple[str, str], random.Random] = {}
        self._rolled: Counter[str] = Counter()
        self._done: Counter[str] = Counter()

    def arm(self, fault: Fault) -> None:
        self._armed.append(_Armed(fault, fault.times))

    def clear(self) -> None:
        self._armed.clear()

    def set_weather(self, weather: Weather | None) -> None:
        """Begins anew: the counts too. None clears it, and the counts stay to be read."""
        self._weather = weather
        if weather is not None:
            self._dice.clear()
            self._rolled.clear()
            self._done.clear()

    def weather_json(self) -> Json:
        """`done` counts what happened by kind, `rolled` how often it could have."""
        weather = None if self._weather is None else self._weather.model_dump()
        return {"weather": weather, "done": dict(self._done), "rolled": dict(self._rolled)}

    def take(
        self, method: str, *kinds: FaultKind, weather: bool = True, arguments: str = ""
    ) -> Fault | None:
        """The fault for this call or event, used up by one; None when all goes well.

        Args:
            method: of the Web API, or the type of an event or interaction.
            kinds: what may happen here.
            weather: False where only a fault armed for it may happen.
            arguments: of the call, as text.
        """
        for armed in self._armed:
            fits = armed.fault.method in ("*", method) and armed.fault.match in arguments
            if fits and armed.fault.kind in kinds:
                armed.left -= 1
                if armed.left == 0:
                    self._armed.remove(armed)
                return armed.fault
        if not weather or self._weather is None or method in CALM:
            return None
        return self._rolls(self._weather, method, kinds)

    def _rolls(self, weather: Weather, method: str, kinds: tuple[FaultKind, ...]) -> Fault | None:
        """Dice of its own for each kind and method: what else happens does not change the roll."""
        struck = [kind for kind in kinds if self._strikes(weather, method, kind)]
        if not struck:
            return None
        self._done[struck[0]] += 1
        wait = {"retry_after": weather.retry_after, "seconds": weather.seconds}
        return Fault.model_validate({"method": method, "kind": struck[0], **wait})

    def _strikes(self, weather: Weather, method: str, kind: FaultKind) -> bool:
        chance = weather.chance(kind)
        if not chance:
            return False
        self._rolled[kind] += 1
        dice = self._dice.get((kind, method))
        if dice is None:
            dice = random.Random(f"{weather.seed}:{kind}:{method}")
            self._dice[kind, method] = dice
        return dice.random() < chance
