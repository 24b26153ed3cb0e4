"""Owns what goes wrong in the storm: Slack's own failings, and processes that die."""

import asyncio
import contextlib
import random
import time

from local.processes import Child
from local.slack.faults import Fault, Weather
from tests.chaos.slack_world import World

DEAD_SECONDS = (0.0, 0.3, 1.5, 6.0)
"""How long a replica stays away; the other one serves meanwhile."""
READY_WITHIN_SECONDS = 120.0
BETWEEN_DEATHS = (1.0, 4.0)
WEATHER = Weather(
    duplicate=0.08,
    reorder=0.08,
    delay=0.04,
    drop_ack=0.04,
    ratelimited=0.04,
    error=0.03,
    error_after_commit=0.03,
    seconds=1.5,
)
_AT_START = ("auth.test", "apps.connections.open")
"""What the weather leaves alone, and a process that starts must survive."""


class Trouble:
    """Makes trouble while the block runs; afterwards everything is up and no fault is armed."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        self.restarts = 0
        self._stop = asyncio.Event()

    async def __aenter__(self) -> "Trouble":
        weather = WEATHER.model_copy(update={"seed": self._chance.randrange(1 << 30)})
        await self._world.people.weather(weather)
        self._task = asyncio.create_task(self._until_stopped())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._task
        await self._world.people.clear_weather()
        await self._world.people.clear_faults()

    async def _until_stopped(self) -> None:
        while not self._stop.is_set():
            await self._deaths()

    async def _pause(self, between: tuple[float, float]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._chance.uniform(*between)):
                await self._stop.wait()

    async def _deaths(self) -> None:
        await self._pause(BETWEEN_DEATHS)
        if self._stop.is_set():
            return
        draw = self._chance.random()
        if draw < 0.15:
            await self._world.people.reconnect_app()
        elif draw < 0.35:
            await self._restart(self._world.cloud.agent, kill=True, dead=0.0)
        else:
            bot = self._chance.choice(self._world.bots)
            dead = self._chance.choice(DEAD_SECONDS)
            await self._restart(bot, kill=self._chance.random() < 0.6, dead=dead)

    async def _restart(self, child: Child, *, kill: bool, dead: float) -> None:
        self.restarts += 1
        began, how = time.monotonic(), "killed" if kill else "ended"
        await (child.kill() if kill else child.stop())
        if self._chance.random() < 0.4:
            method = self._chance.choice(_AT_START)
            await self._world.people.inject(Fault(method=method, kind="error"))
        await asyncio.sleep(dead)
        await child.start()
        await child.until_ready(READY_WITHIN_SECONDS)
        print(f"{time.time():.1f}: {child.name} {how}, back after {time.monotonic() - began:.1f} s")
