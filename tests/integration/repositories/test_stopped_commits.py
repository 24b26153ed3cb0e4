"""People stop the work, or write again, while a finished step is being committed."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent import protocol as p
from local.model import Reply
from tests.integration.agent.driver import (
    ANA,
    BEN,
    finish,
    is_planning,
    outputs,
    plan,
    shell,
    text_of,
)
from tests.integration.repositories.conftest import Thread, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOG = "git log --format='%s|%(trailers:key=Co-authored-by,valueonly)' origin/main.."


def slow_git(first_seconds: int) -> str:
    """Has git take its time over the first file it takes in; then it is quick."""
    clean = f"[ -e .git/slow ] || {{ touch .git/slow; sleep {first_seconds}; }}; cat"
    return (
        f'printf \'[filter "slow"]\\n\\tclean = "{clean}"\\n\' >> .git/config;'
        " echo '* filter=slow' > .git/info/attributes"
    )


def script(seconds: int) -> Any:
    """Each step writes a file of its name."""

    def answer(request: dict[str, Any]) -> Reply:
        text = text_of(request)
        if is_planning(request):
            return plan("two") if "two, please" in text else plan("one")
        if outputs(request):
            return finish()
        one = "Current step: one" in text
        return shell(f"echo 1 > one; {slow_git(seconds)}" if one else "echo 2 > two")

    return answer


def boxes(world: World) -> Iterator[Path]:
    return (world.state_dir / "boxes").glob("tw-*")


async def committing(world: World, before: set[Path]) -> Path:
    """The box, other than those of `before`, in which the commit has begun."""
    async with asyncio.timeout(30):
        while True:
            for box in set(boxes(world)) - before:
                if (box / "files/project/.git/slow").exists():
                    return box
            await asyncio.sleep(0.02)


def lose(box: Path) -> None:
    os.kill(json.loads((box / "box.json").read_text())["supervisor"]["pid"], signal.SIGKILL)
    shutil.rmtree(box)


async def ended(thread: Thread) -> p.PlanBody:
    bodies: list[p.PlanBody] = thread.bodies(p.PlanBody)
    return bodies[-1]


async def test_a_stop_during_a_commit_loses_nothing_and_leaves_nothing_to_be_anothers(
    world: World,
) -> None:
    thread, before = world.thread(), set(boxes(world))
    await thread.say("repo: acme/hello one", script(60))
    box = await committing(world, before)
    await world.engine.client.stop(p.StopRequest(thread=thread.ref, by=BEN), "stop a commit")
    result = await thread.result()
    assert result.outcome == "stopped"
    assert [s.status for s in (await ended(thread)).steps] == ["complete"]
    async with asyncio.timeout(90):
        while not list(world.state_dir.glob(f"snapshots/{box.name}/*[!l]")):
            await asyncio.sleep(0.02)
    lose(box)
    await thread.say("two, please", author=BEN)
    assert (await thread.result(2)).outcome == "done"
    by_ana, by_ben = (
        f"{who.name} <{who.user_id}@users.noreply.threadwright.invalid>" for who in (ANA, BEN)
    )
    log = (await thread.inside(LOG)).split()
    assert " ".join(log) == f"Two|{by_ben} One|{by_ana}"
    assert await thread.inside("git show --format= --name-only HEAD; cat one") == "two\n1"


async def test_a_message_during_a_commit_waits_for_it(world: World) -> None:
    thread, before = world.thread(), set(boxes(world))
    await thread.say("repo: acme/hello one", script(2))
    await committing(world, before)
    await thread.say("and two, please")
    async with asyncio.timeout(40):
        while not any(r.outcome == "done" for r in thread.bodies(p.ResultBody)):
            await asyncio.sleep(0.02)
        while (await world.engine.client.read(thread.ref)).task is not None:
            await asyncio.sleep(0.02)
    log = await thread.inside("git log --format=%s --name-only origin/main..")
    assert log.split() == ["Two", "two", "One", "one"]
    assert await thread.inside("git status --porcelain") == ""
