"""`make slack-storm N=500`: many threads at once in one workspace whose rate limits are enforced.

The real bot and the real engine; Slack's limits and ours run faster by the same factor, so that it
ends in minutes. In fair weather Slack refuses only what is too much; the storm adds lost answers,
failures and 429 without reason. Ends with one JSON line; exit status 1 unless each thread shows its
true last state once.
"""

import argparse
import asyncio
import json
import random
import secrets
import shutil
import statistics
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent import protocol as p
from agent.client import SessionClient
from local.cloud import APP_TOKEN, BOT_TOKEN
from local.errors import LocalCloudError
from local.processes import ROOT, Child
from local.restate.server import RestateServer, free_port
from local.slack.client import PeopleClient
from local.slack.faults import Weather
from local.slack.rates import TIERS
from tests.chaos.storm_thread import ANA, StormThread
from tests.fakes.restate import Engine

CHANNELS = ("C0GENERAL", "C0BUILD", "C0VAULT", "G0TRIO")
TEAM = "T0LOCAL"
THREADS_AT_PACE_ONE = 70
"""More of them, and the clock of Slack's limits runs faster in proportion."""
LIMIT_SECONDS = 420.0
SWEEP_SECONDS = 1.0
LOGS = Path("artefacts", "slack-storm")
BAD_WEATHER = Weather(error_after_commit=0.01, error=0.01, ratelimited=0.01)
LIMITED = ("chat.update", "agents.sessions.setStatus", "reactions.add")
"""Tier 3 each: what a storm runs short of."""


@dataclass
class Cloud:
    sessions: SessionClient
    people: PeopleClient
    bot: Child
    restate: RestateServer
    data_dir: Path


@dataclass
class Outcome:
    threads: int
    pace: float
    found: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    """Seconds from a thread's last event until its end was on screen."""
    calls: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    events: int = 0
    state_kb: float = 0.0
    """What the poster keeps of all threads."""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return len(self.delays) == self.threads and not any(self.found.values())

    def figures(self) -> dict[str, Any]:
        kinds = ("lost", "doubled", "wrong_final_state")
        return {
            **{kind: self.found[kind] for kind in kinds},
            "threads": self.threads,
            "events": self.events,
            "calls": sum(self.calls.values()),
            "calls_by_method": self.calls,
            "refused_429": sum(self.refused.values()),
            "budget_calls": {name: round(TIERS[3] * self.pace) for name in LIMITED},
            "budget_used": self.used,
            "state_kb": round(self.state_kb),
            "pace": round(self.pace, 2),
            "end_shown_s_p50": round(statistics.median(self.delays), 1) if self.delays else None,
            "end_shown_s_max": round(max(self.delays, default=0.0), 1),
            "seconds": round(self.seconds, 1),
        }


@asynccontextmanager
async def running(pace: float) -> AsyncIterator[Cloud]:
    """Workspace, engine and bot, each a process of its own."""
    with tempfile.TemporaryDirectory(prefix="slack-storm-") as folder:
        data = Path(folder)
        async with RestateServer(data / "restate") as restate:
            slack_port, bot_bind = free_port(), f"127.0.0.1:{free_port()}"
            slack_url = f"http://127.0.0.1:{slack_port}"
            manifest = str(ROOT / "manifest.yml")
            slack = Child(
                "slack",
                ["local.slack", "--port", str(slack_port), "--manifest", manifest],
                {},
                f"{slack_url}/",
                log=data / "slack.log",
                quiet=True,
            )
            settings = {
                "RESTATE_INGRESS_URL": restate.ingress_url,
                "RESTATE_ADMIN_URL": restate.admin_url,
                "SLACK_API_URL": f"{slack_url}/api/",
                "SLACK_BOT_TOKEN": BOT_TOKEN,
                "SLACK_APP_TOKEN": APP_TOKEN,
                "THREADWRIGHT_BOT_BIND": bot_bind,
                "THREADWRIGHT_SLACK_PACE": str(pace),
            }
            health = f"http://{bot_bind}/health"
            log = data / "bot.log"
            bot = Child("bot", ["bot"], settings, health, log=log, quiet=True)
            sessions = SessionClient(restate.ingress_url, timeout_seconds=30)
            try:
                for child in (slack, bot):
                    await child.start()
                    await child.until_ready()
                async with PeopleClient(slack_url) as people:
                    yield Cloud(sessions, people, bot, restate, data)
            finally:
                await sessions.aclose()
                for child in (bot, slack):
                    await child.stop()


async def storm(
    threads: int, seed: str, pace: float, *, weather: bool = True, kills: int = 0
) -> Outcome:
    """Raises LocalCloudError when the processes do not come up."""
    outcome = Outcome(threads, pace)
    async with running(pace) as cloud:
        all_of_them = await _begin(cloud.people, threads, seed)
        if weather:
            await cloud.people.weather(
                BAD_WEATHER.model_copy(update={"seed": zlib.crc32(seed.encode())})
            )
        await cloud.people.enforce_limits(pace)
        counts = await cloud.people.call_counts()
        began, wall = time.monotonic(), time.time()
        ended: dict[str, float] = {}
        async with asyncio.TaskGroup() as group:
            for one in all_of_them:
                group.create_task(_tell(cloud, one, threads, ended, outcome))
            for number in range(kills):
                group.create_task(_kill(cloud.bot, 10.0 + 15.0 * number))
            group.create_task(_watch(cloud.people, all_of_them, ended, outcome, began))
        outcome.seconds = time.monotonic() - began
        now = await cloud.people.call_counts()
        outcome.calls = {
            name: count - counts.get(name, 0)
            for name, count in sorted(now.items())
            if count > counts.get(name, 0)
        }
        outcome.refused = await cloud.people.refused_calls()
        outcome.state_kb = await _state_kb(cloud.restate)
        for method in LIMITED:
            outcome.used[method] = await _used(cloud.people, method, pace, wall)
        if not outcome.ok:
            LOGS.mkdir(parents=True, exist_ok=True)
            for log in [*cloud.data_dir.glob("*.log"), *cloud.data_dir.glob("restate/*.log")]:
                shutil.copy(log, LOGS)
    return outcome


async def _begin(people: PeopleClient, threads: int, seed: str) -> list[StormThread]:
    ana = people.person(ANA.user_id)
    made = []
    for number in range(threads):
        channel = CHANNELS[number % len(CHANNELS)]
        ts = await ana.post(channel, f"thread {number}")
        thread = p.ThreadRef(team=TEAM, channel=channel, root_ts=ts)
        made.append(StormThread(thread, random.Random(f"{seed}/{number}")))
    return made


async def _tell(
    cloud: Cloud, one: StormThread, threads: int, ended: dict[str, float], outcome: Outcome
) -> None:
    """Send the thread's events, some twice and some again when they are out of date."""
    await asyncio.sleep(one.chance.uniform(0, threads / 40))
    for pause, event in one.beats():
        await asyncio.sleep(pause)
        await _send(cloud, event, "")
        outcome.events += 1
        if one.chance.random() < 0.05:
            await _send(cloud, event, "again")
            await _send(cloud, one.stale(event), "late")
    ended[one.thread.key] = time.monotonic()


async def _send(cloud: Cloud, event: p.ThreadEvent, how: str) -> None:
    """The last way of an event from the agent to the poster."""
    effect = f"{event.thread.key}:{event.slot}:{event.rev}:{how}"
    await cloud.sessions.send(p.SHOW, event.thread.key, event, key_of_effect=effect)


async def _kill(bot: Child, after: float) -> None:
    await asyncio.sleep(after)
    await bot.kill()
    await bot.start()
    await bot.until_ready()


async def _watch(
    people: PeopleClient,
    threads: list[StormThread],
    ended: dict[str, float],
    outcome: Outcome,
    began: float,
) -> None:
    """Look until every thread is as it must be; then once more, for what came too often."""
    left = list(threads)
    while left and time.monotonic() - began < LIMIT_SECONDS:
        await asyncio.sleep(SWEEP_SECONDS)
        sessions = await _sessions(people)
        for one in list(left):
            if one.thread.key in ended and not any((await _look(people, one, sessions)).values()):
                left.remove(one)
                outcome.delays.append(time.monotonic() - ended[one.thread.key])
    sessions = await _sessions(people)
    for one in threads:
        for kind, what in (await _look(people, one, sessions)).items():
            outcome.found[kind] += len(what)
            outcome.examples += [f"{kind}: {slot} in {one.thread.key}" for slot in what]


async def _look(
    people: PeopleClient, one: StormThread, sessions: dict[tuple[str, str], str]
) -> dict[str, list[str]]:
    place = (one.thread.channel, one.thread.root_ts)
    shown = await people.person(ANA.user_id).messages(*place)
    return one.judge(shown[1:], sessions.get(place, ""))


async def _sessions(people: PeopleClient) -> dict[tuple[str, str], str]:
    sessions = await people.person(ANA.user_id).sessions()
    return {(one["channel"], one["thread_ts"]): one["status"] for one in sessions}


async def _state_kb(restate: RestateServer) -> float:
    rows = await Engine(restate).query("select sum(length(value_utf8)) as n from state")
    return float(rows[0]["n"]) / 1024


async def _used(people: PeopleClient, method: str, pace: float, since: float) -> float:
    """Share of the limit that was used while there was a backlog: in the busiest half of the time.

    Counted in Slack's minutes, which are shorter here.
    """
    taken = [c["at"] for c in await people.calls(method) if c["ok"] and c["at"] >= since]
    if not taken:
        return 0.0
    minute = 60.0 / pace
    windows = Counter(int((at - taken[0]) / minute) for at in taken)
    busiest = sorted(windows.values(), reverse=True)[: max(1, len(windows) // 2)]
    return round(statistics.mean(busiest) / TIERS[3], 2)


def pace_for(threads: int) -> float:
    return max(1.0, threads / THREADS_AT_PACE_ONE)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.chaos.slack_storm", description=__doc__)
    parser.add_argument("--threads", type=int, default=500)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--kills", type=int, default=1, help="SIGKILLs to the bot on the way")
    parser.add_argument("--fair", action="store_true", help="no weather: limits alone")
    given = parser.parse_args()
    pace = pace_for(given.threads)
    run = storm(given.threads, given.seed, pace, weather=not given.fair, kills=given.kills)
    try:
        outcome = asyncio.run(run)
    except LocalCloudError as error:
        print(json.dumps({"ok": False, "error": str(error)}))
        sys.exit(1)
    for example in outcome.examples[:20]:
        print(example)
    print(json.dumps({**outcome.figures(), "seed": given.seed}))
    sys.exit(0 if outcome.ok else 1)


if __name__ == "__main__":
    main()
