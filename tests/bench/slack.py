"""Slack's side of things: how soon an event is acknowledged and durable, and a storm of threads.

Events go from the local workspace over Socket Mode to the real bot and into a real engine, at a
fixed rate whatever the answers take. A recorder stands in for the agent's inbox, so what is
measured is the way in alone. Some events come twice, as Slack's do.
"""

import asyncio
import statistics
import time
from collections import Counter
from typing import Any

from restate import Context, Service

from agent import protocol as p
from local.slack.client import PeopleClient
from tests.chaos.slack_storm import running, storm
from tests.fakes.restate import Engine

RATE, SECONDS = 50, 60
EVERY_NTH_TWICE = 50
STORM_THREADS, STORM_PACE = 60, 3.0
DURABLE_WITHIN_SECONDS = 20.0


async def measure() -> dict[str, float]:
    return {**await events_to_ack(), **await a_storm()}


async def events_to_ack() -> dict[str, float]:
    seen: Counter[str] = Counter()
    inbox = Service(p.INBOX)

    @inbox.handler(p.TAKE_MESSAGE.name)
    async def take(ctx: Context, message: p.UserMessage) -> p.Nothing:
        seen[message.ts] += 1
        return p.Nothing()

    async with running(1.0) as cloud, Engine(cloud.restate).serve([inbox]):
        await _deliver(cloud.people, 0, 0)  # the first one looks ana up
        waits, unacked = await _send_all(cloud.people)
        sent = RATE * SECONDS + 1
        deadline = time.monotonic() + DURABLE_WITHIN_SECONDS
        while len(seen) < sent and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
    percentiles = statistics.quantiles(waits, n=100)
    return {
        "event_ack_ms_p50": percentiles[49],
        "event_ack_ms_p99": percentiles[98],
        "events_unacked": unacked,
        "events_lost": sent - len(seen),
        "events_doubled": sum(count > 1 for count in seen.values()),
    }


async def _send_all(people: PeopleClient) -> tuple[list[float], int]:
    """Milliseconds from when each was due until it was acknowledged; and how many were not."""
    waits: list[float] = []
    unacked = 0
    began = time.perf_counter()

    async def send(number: int, copy: int) -> None:
        nonlocal unacked
        due = began + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if await _deliver(people, number + 1, copy):
            waits.append((time.perf_counter() - due) * 1000)
        else:
            unacked += 1

    async with asyncio.TaskGroup() as group:
        for number in range(RATE * SECONDS):
            group.create_task(send(number, 0))
            if number % EVERY_NTH_TWICE == 0:
                group.create_task(send(number, 1))
    return waits, unacked


async def _deliver(people: PeopleClient, number: int, copy: int) -> bool:
    answer = await people.deliver("events_api", _message(number, copy))
    return bool(answer["acked"])


def _message(number: int, copy: int) -> dict[str, Any]:
    """A direct message of ana's, the first of a thread."""
    ts = f"{1_712_000_000 + number}.000100"
    return {
        "type": "event_callback",
        "team_id": "T0LOCAL",
        "api_app_id": "A0APP",
        "event_id": f"Ev{number:08}{copy}",
        "event_time": 1_712_000_000 + number,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": "T0LOCAL",
                "user_id": "U0BOT",
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event": {
            "type": "message",
            "user": "U0ANA",
            "ts": ts,
            "event_ts": ts,
            "client_msg_id": f"bench-{number}",
            "text": "build a to-do CLI",
            "team": "T0LOCAL",
            "channel": "D0ANA",
            "channel_type": "im",
        },
    }


async def a_storm() -> dict[str, float]:
    outcome = await storm(STORM_THREADS, "bench", STORM_PACE)
    kinds = ("lost", "doubled", "wrong_final_state")
    return {
        "storm_threads": outcome.threads,
        "storm_wrong": sum(outcome.found[kind] for kind in kinds),
        "storm_seconds": outcome.seconds,
        "storm_end_shown_s_max": max(outcome.delays, default=float("nan")),
        "storm_refused_429": sum(outcome.refused.values()),
        "storm_budget_used": max(outcome.used.values()),
    }
