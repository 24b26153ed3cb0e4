"""Owns when a sandbox dies: moments of the task, chosen by seed, told by what the model answers.

The model stands between any two acts of the agent, so "while this command runs" is "so long after
the answer that asked for it", on every backend alike.
"""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from local.model.reply import Reply
from tests.chaos import six_steps
from tests.chaos.six_steps import STEPS, Stage

KINDS: dict[str, tuple[Stage, float, float]] = {
    "while it starts": ("planning", 0.0, 0.25),
    "during a write": ("writing", 0.0, 0.08),
    "while it is read": ("looking", 0.0, 0.1),
    "while a command runs": ("appending", 0.02, 1.0),
    "during a checkpoint": ("finishing", 0.0, 0.3),
    "between steps": ("finishing", 0.0, 0.8),
}
"""By name: the answer it follows, and between how many seconds after it."""


@dataclass(frozen=True)
class Moment:
    kind: str
    step: int
    stage: Stage
    delay: float

    def __str__(self) -> str:
        place = f"step {self.step}" if self.step else "the plan"
        return f"{self.kind}: {self.delay:.3f} s after the answer “{self.stage}” of {place}"


def choose(run: int, chance: random.Random) -> Moment:
    """Runs take turns in kind, so that a few of them meet every one."""
    kind = list(KINDS)[run % len(KINDS)]
    stage, earliest, latest = KINDS[kind]
    last = STEPS - 1 if kind == "between steps" else STEPS
    step = 0 if stage == "planning" else chance.randint(1, last)
    if kind == "while a command runs":
        latest = min(latest, six_steps.SLEEPS.get(step, 0.1) + 0.1)
    return Moment(kind, step, stage, chance.uniform(earliest, latest))


class Watch:
    """The scenario, told by which run is where."""

    def __init__(self) -> None:
        self._reached: dict[tuple[int, int, Stage], asyncio.Event] = {}

    def scenario(self, request: dict[str, Any]) -> Reply:
        reply = six_steps.scenario(request)
        self._event(six_steps.place_of(request, reply)).set()
        return reply

    async def until(self, run: int, moment: Moment) -> None:
        await self._event((run, moment.step, moment.stage)).wait()
        await asyncio.sleep(moment.delay)

    def _event(self, place: tuple[int, int, Stage]) -> asyncio.Event:
        return self._reached.setdefault(place, asyncio.Event())
