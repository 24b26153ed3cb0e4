"""Owns all processes for the tests of one module, and a small model: what it is asked decides what
it does, and an answer repeats everything it was told.
"""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from local.cloud import Cloud, Wishes, running_cloud
from local.model import Reply, ScriptedModel, running_model, say
from local.model.conversation import read
from local.model.script import finish, shell, turn, write
from local.slack.client import PeopleClient
from tests.e2e.thread import Message, WatchedThread, slot_of

T = TypeVar("T")

RISKY = "git init -q && git clean -fdX"
POEM = "roses\n"

_TURNS = {
    "write": (turn(write("poem.txt", POEM)), turn(finish("A poem is written.", ["poem.txt"]))),
    "wait": (turn(shell("sleep 60")), turn(finish("Nobody interrupted."))),
    "clean": (turn(shell(RISKY)), turn(finish("All is clean."))),
}


def script(request: dict[str, Any]) -> Reply:
    """The words write, wait and clean are steps, until people write something new: then the poem
    stays and what is left is to clean. Without any of them there is an answer."""
    said = read(request)
    if said.role == "worker":
        done = sum(item["type"] == "function_call_output" for item in request["input"])
        return _TURNS[said.current][done]
    if said.news:
        return _plan(*(row.id for row in said.rows if row.status == "complete"), "clean")
    asked = " ".join(said.messages)
    return _plan(*(step for step in _TURNS if step in asked), answer=f"Heard: {said.all_said}")


def _plan(*steps: str, answer: str = "") -> Reply:
    rows = [{"id": s, "title": s.title(), "detail": s, "done_when": "it is"} for s in steps]
    plan = {"goal": "A poem", "assumptions": [], "answer": "" if steps else answer, "steps": rows}
    return say(json.dumps(plan))


@dataclass
class World:
    cloud: Cloud
    people: PeopleClient
    model: ScriptedModel

    async def starts(self, user: str, channel: str, text: str) -> WatchedThread:
        """A person writes on the top level; the thread as they see it."""
        person = self.people.person(user)
        return WatchedThread(person, channel, await person.post(channel, text))

    async def modal(self, user: str, callback_id: str) -> Message:
        """The one on top, once it is this one."""

        async def on_top() -> Message | None:
            views = await self.people.person(user).views()
            return views[-1] if views and views[-1]["callback_id"] == callback_id else None

        return await _until(on_top)

    async def home(self, user: str) -> Message:
        """This person's App Home, once there is one."""

        async def shown() -> Message | None:
            home: Message | None = (await self.people.person(user).state())["home"]
            return home

        return await _until(shown)

    async def until_quiet(self) -> None:
        """Until the bot has acknowledged everything."""

        async def quiet() -> bool:
            return await self.people.unacked() == 0

        await _until(quiet)

    def reached_model(self, words: str) -> bool:
        return any(words in json.dumps(recorded.body) for recorded in self.model.requests)


async def _until(look: Callable[[], Awaitable[T | None]], seconds: float = 90) -> T:
    """What is seen as soon as there is something. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not (seen := await look()):
            await asyncio.sleep(0.02)
    return seen


def poem_in(archive: bytes) -> str:
    """The poem of a project that was handed over."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        (name,) = [name for name in opened.namelist() if name.endswith("poem.txt")]
        return opened.read(name).decode()


@asynccontextmanager
async def running_world(wishes: Wishes | None = None) -> AsyncIterator[World]:
    async with (
        running_model(scenarios=[script]) as model,
        running_cloud(replace(wishes or Wishes(), quiet=True, model_url=model.base_url)) as cloud,
        PeopleClient(cloud.page_url) as people,
    ):
        yield World(cloud, people, model)


def text_all(message: Message) -> str:
    """Everything a person can read in it."""
    return f"{message.get('text', '')}\n{json.dumps(message.get('blocks', []), ensure_ascii=False)}"


def slots_of(thread: list[Message]) -> list[str]:
    """What each of our messages shows; twice the same means that it was posted twice."""
    return [slot for message in thread if (slot := slot_of(message))]


def has_button(message: Message, action_id: str) -> bool:
    return any(
        element.get("action_id") == action_id
        for block in message.get("blocks", [])
        if block["type"] == "actions"
        for element in block["elements"]
    )
