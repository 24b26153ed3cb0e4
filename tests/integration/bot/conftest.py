"""The poster on a real Restate server, showing threads of the local Slack workspace."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
import pytest_asyncio

from agent import protocol as p
from agent.endpoint import Durable
from bot.app import slack_client
from bot.settings import Settings
from bot.slack_api import SlackApi
from bot.thread import build_thread
from bot.upload import build_upload
from bot.workspace import workspace as workspace_object
from local.slack.client import PeopleClient
from local.slack.limits import Limits
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.fakes.restate import Engine, running_engine

MANIFEST = Path(__file__).parents[3] / "manifest.yml"
CHANNEL = "C0BUILD"
TEAM = "T0LOCAL"
ANA = p.Person(user_id="U0ANA", name="ana")
PATIENT = Limits(ack_seconds=60, trigger_seconds=60)
"""Slack where nothing comes twice or too late because the machine is slow."""

T = TypeVar("T")


def settings_for(api_url: str, **more: str) -> Settings:
    tokens = {
        "SLACK_BOT_TOKEN": "xoxb-local-threadwright",
        "SLACK_APP_TOKEN": "xapp-local-threadwright",
        "SLACK_API_URL": api_url,
    }
    return Settings.load(tokens | more)


async def until(
    read: Callable[[], Awaitable[T]], holds: Callable[[T], bool], seconds: float = 90
) -> T:
    """The first value that holds. Fails with the last one when none does in time."""
    last: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                value = await read()
                last = value
                if holds(value):
                    return value
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s; last seen: {last}") from None


@dataclass
class Stage:
    """One thread to show things in, and eyes on it."""

    engine: Engine
    people: PeopleClient
    thread: p.ThreadRef
    _rev: dict[str, int] = field(default_factory=dict)
    counts_before: dict[str, int] = field(default_factory=dict)

    async def show(
        self, slot: str, body: p.Body, *, rev: int | None = None, urgent: bool = False
    ) -> p.ThreadEvent:
        self._rev[slot] = self._rev.get(slot, 0) + 1 if rev is None else rev
        event = p.ThreadEvent(
            thread=self.thread, slot=slot, rev=self._rev[slot], urgent=urgent, body=body
        )
        await self.engine.client.show(event)
        return event

    async def replies(self) -> list[dict[str, Any]]:
        """Our messages in the thread, as ana sees them."""
        ana = self.people.person("U0ANA")
        return (await ana.messages(self.thread.channel, self.thread.root_ts))[1:]

    async def root(self) -> dict[str, Any]:
        ana = self.people.person("U0ANA")
        return (await ana.messages(self.thread.channel, self.thread.root_ts))[0]

    async def until_replies(
        self, holds: Callable[[list[dict[str, Any]]], bool], seconds: float = 90
    ) -> list[dict[str, Any]]:
        return await until(self.replies, holds, seconds)

    async def pending(self) -> int:
        """Invocations of this thread's poster that are not over."""
        rows = await self.engine.query(
            "select count(*) as n from sys_invocation where target_service_name = 'Thread'"
            f" and target_service_key = '{self.thread.key}' and status != 'completed'"
        )
        return int(rows[0]["n"])

    async def calls(self) -> dict[str, int]:
        """Calls to Slack by method since this stage was set, look-ups of people left out."""
        now = await self.people.call_counts()
        return {
            method: count - self.counts_before.get(method, 0)
            for method, count in now.items()
            if count > self.counts_before.get(method, 0)
        }


@dataclass
class House:
    engine: Engine
    workspace: Workspace
    people: PeopleClient
    api: SlackApi
    _stages: int = 0

    async def stage(self, team: str | None = None) -> Stage:
        """A new thread, begun by ana; with a budget of Slack calls of its own unless in `team`.

        The threads before it are quiet by then: faults and counts are of this one.
        """
        if self._stages:
            await until(self._is_quiet, bool)
        await self.people.clear_faults()
        ts = await self.people.person("U0ANA").post(CHANNEL, "a thread to show things in")
        self._stages += 1
        thread = p.ThreadRef(team=team or f"T{self._stages}", channel=CHANNEL, root_ts=ts)
        return Stage(
            self.engine, self.people, thread, counts_before=await self.people.call_counts()
        )

    async def _is_quiet(self) -> bool:
        """No poster works or is about to: what is left are timers of much later."""
        rows = await self.engine.query(
            "select *"  # with columns named, 1.7 leaves the start time out
            " from sys_invocation where target_service_name = 'Thread' and status != 'completed'"
        )
        due = [
            datetime.fromisoformat(row.get("scheduled_start_at") or row["created_at"])
            for row in rows
        ]
        return all(at.timestamp() > time.time() + 60 for at in due)


@asynccontextmanager
async def running_house(data: Path, *, replay_always: bool = False) -> AsyncIterator[House]:
    async with (
        running_engine(data) as engine,
        running_workspace(manifest=MANIFEST, limits=PATIENT) as slack,
        PeopleClient(slack.base_url) as people,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        api = SlackApi(slack_client(settings_for(slack.api_url), http))
        services: list[Durable] = [build_thread(api), workspace_object, build_upload(api)]
        async with engine.serve(services):
            if replay_always:
                await engine.replay_always(services)
            yield House(engine, slack, people, api)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with running_house(tmp_path_factory.mktemp("restate")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def stage(house: House) -> Stage:
    return await house.stage()
