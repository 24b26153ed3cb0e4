"""What people wait for: 👀, a plan, a command's death; and what the processes weigh at rest.

The model answers without delay, so its time is not in the figures.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import psutil

from local.cloud import Cloud, Wishes, running_cloud
from local.model import Reply, call, running_model, say
from local.slack.client import PeopleClient, Person
from tests.e2e.thread import Message, slot_of

CHANNEL = "C0BUILD"
THREADS, INTERRUPTS, CALM_TASKS = 15, 15, 3
UNHURRIED = {"THREADWRIGHT_SLACK_PACE": "20"}
"""More is said in a minute than Slack's limits let one workspace; they are measured elsewhere."""
MARK = "123456.5"
"""Seconds of a `sleep` that nobody else on the machine would ask for."""


async def measure() -> dict[str, float]:
    async with (
        running_model(scenarios=[script]) as model,
        running_cloud(Wishes(quiet=True, model_url=model.base_url, bot_environ=UNHURRIED)) as cloud,
        PeopleClient(cloud.page_url) as people,
    ):
        ana = people.person("U0ANA")
        weights = at_rest(cloud)
        await _thread(ana, "warm up")
        waits = [await _thread_alone(ana, f"thread {n}") for n in range(THREADS)]
        deaths = [await _interrupt(ana, n) for n in range(INTERRUPTS)]
        calls = await _calls_of_a_six_step_task(people, ana)
    return {
        "eyes_ms_p50": statistics.median(eyes for eyes, _ in waits),
        "plan_ms_p50": statistics.median(plan for _, plan in waits),
        "interrupt_dead_ms_p50": statistics.median(deaths),
        "interrupt_dead_ms_p95": statistics.quantiles(deaths, n=20)[-1],
        "slack_calls_six_steps": calls,
        **weights,
    }


def script(request: dict[str, Any]) -> Reply:
    """Plans one step, or six where asked; a step either sleeps for ever or ends at once."""
    text = json.dumps(request["input"])
    if "role: planner" in request["instructions"]:
        ids = [f"s{n}" for n in range(6 if "six steps" in text else 1)]
        if "enough" in text:
            ids = ["other"]
        rows = [{"id": i, "title": i, "detail": i, "done_when": i} for i in ids]
        plan = {"goal": "g", "assumptions": [], "answer": "", "steps": rows}
        return say(json.dumps(plan))
    if "sleep please" in text and "enough" not in text:
        return _shell(f"sleep {MARK}")
    if "six steps" in text and "function_call_output" not in text:
        return _shell("sleep 2")
    finish = {"outcome": "done", "summary": "s", "files": [], "checks": []}
    return Reply(calls=(call("finish_step", finish),))


def _shell(command: str) -> Reply:
    arguments = {"command": command, "workdir": None, "timeout_s": 600, "background": None}
    return Reply(calls=(call("shell", arguments),))


async def _thread(person: Person, text: str) -> tuple[float, float]:
    """Milliseconds until 👀 and until the plan message."""
    begin = time.perf_counter()
    root = await person.post(CHANNEL, f"@threadwright {text}")
    await _until(person, root, lambda m: any(r["name"] == "eyes" for r in m["reactions"]))
    eyes = (time.perf_counter() - begin) * 1000
    await _until(person, root, lambda m: slot_of(m).startswith("plan:"))
    plan = (time.perf_counter() - begin) * 1000
    await _until(person, root, lambda m: slot_of(m).startswith("result:"))
    return eyes, plan


async def _thread_alone(person: Person, text: str) -> tuple[float, float]:
    """Slack takes one post a second in a channel; the thread before must not be in the way."""
    await asyncio.sleep(1.2)
    return await _thread(person, text)


async def _interrupt(person: Person, number: int) -> float:
    """Milliseconds from a new message until the running command is no more."""
    root = await person.post(CHANNEL, f"@threadwright sleep please, {number}")
    process = await _sleeper()
    begin = time.perf_counter()
    await person.post(CHANNEL, "that is enough", root)
    while _runs(process):
        await asyncio.sleep(0.002)
    dead = (time.perf_counter() - begin) * 1000
    await _until(person, root, lambda m: slot_of(m).startswith("result:"))
    return dead


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False  # between the two questions


async def _sleeper() -> psutil.Process:
    async with asyncio.timeout(30):
        while True:
            for process in psutil.process_iter(["cmdline"]):
                if process.info["cmdline"] == ["sleep", MARK]:
                    return process
            await asyncio.sleep(0.02)


async def _calls_of_a_six_step_task(people: PeopleClient, person: Person) -> float:
    before = await people.call_counts()
    await asyncio.gather(
        *(_thread(person, f"do six steps, {n}") for n in range(CALM_TASKS)),
    )
    after = await people.call_counts()
    return (sum(after.values()) - sum(before.values())) / CALM_TASKS


async def _until(person: Person, root: str, holds: Callable[[Message], bool]) -> None:
    async with asyncio.timeout(60):
        while not any(holds(m) for m in await person.messages(CHANNEL, root)):
            await asyncio.sleep(0.005)


def at_rest(cloud: Cloud) -> dict[str, float]:
    pids = {"agent": cloud.agent.pid, "bot": cloud.bot.pid, "restate": cloud.restate.pid}
    return {
        f"rss_mb_{name}": psutil.Process(pid).memory_info().rss / 2**20
        for name, pid in pids.items()
    }
