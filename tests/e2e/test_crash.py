"""A process is killed in the middle of a command; after a restart the thread ends as if nothing
was."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from local.cloud import Cloud, Wishes, running_cloud
from local.model import Reply, call, running_model, say
from local.slack.client import PeopleClient
from tests.e2e.thread import WatchedThread

STEP = {"id": "s1", "title": "Write marks", "detail": "d", "done_when": "both are there"}
COMMAND = "echo begun >> marks; sleep 3; echo ended >> marks; echo said"


def script(request: dict[str, Any]) -> Reply:
    """One step: a slow command with an effect that could be doubled, then a look at the effect."""
    if "role: planner" in request["instructions"]:
        plan = {"goal": "Marks", "assumptions": [], "answer": "", "steps": [STEP]}
        return say(json.dumps(plan))
    outputs = [i["output"] for i in request["input"] if i["type"] == "function_call_output"]
    commands = [COMMAND, "cat marks"]
    if len(outputs) < len(commands):
        return Reply(calls=(call("shell", _shell(commands[len(outputs)])),))
    summary = json.loads(outputs[-1])["output"]
    finish = {"outcome": "done", "summary": summary, "files": [], "checks": []}
    return Reply(calls=(call("finish_step", finish),))


def _shell(command: str) -> dict[str, Any]:
    return {"command": command, "workdir": None, "timeout_s": None, "background": None}


async def crash(cloud: Cloud, part: str) -> None:
    """SIGKILL, then the same program again."""
    if part == "restate":
        await cloud.restate.kill()
        await cloud.restate.start()
        return
    child = cloud.agent if part == "agent" else cloud.bot
    await child.kill()
    await child.start()
    await child.until_ready()


async def until_begun(cloud: Cloud) -> None:
    """Until the command's first effect is on the sandbox's disk."""
    async with asyncio.timeout(90):
        while not list(cloud.data_dir.glob("sandboxes/boxes/tw-*/files/project/marks")):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("part", ["agent", "bot", "restate"])
async def test_a_killed_process_is_not_noticed_in_the_thread(part: str) -> None:
    async with (
        running_model(scenarios=[script]) as model,
        running_cloud(Wishes(quiet=True, model_url=model.base_url)) as cloud,
        PeopleClient(cloud.page_url) as people,
    ):
        ana = people.person("U0ANA")
        root = await ana.post("C0BUILD", "@threadwright write marks")
        thread = WatchedThread(ana, "C0BUILD", root)
        await until_begun(cloud)
        await crash(cloud, part)
        result = await thread.result()
        messages = await thread.messages()
        asked = Counter(len(recorded.body["input"]) for recorded in model.requests)
    assert result["text"] == "Done. begun\nended"  # the effect happened once
    slots = [m["metadata"]["event_payload"]["slot"] for m in messages if m.get("metadata")]
    assert len(slots) == len(set(slots)) == 2
    assert [r["name"] for r in messages[0]["reactions"]] == ["eyes"]
    assert asked == Counter({1: 2, 3: 1, 5: 1})
