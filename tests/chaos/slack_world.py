"""Owns the processes of the storm of faults: the local cloud, with a second replica of the bot.

Everything is real but Slack and the model: workspace, engine, agent and both bots are processes of
their own. The model is in ours, so that what it was given can be looked at.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from agent.client import SessionClient
from local.cloud import APP_TOKEN, BOT_TOKEN, Cloud, Wishes, running_cloud
from local.model import running_model
from local.processes import Child
from local.restate.server import free_port
from local.slack.client import PeopleClient
from tests.chaos.slack_model import Scribe

MODEL_DELAY_MS = 40
PACE = "60"
"""Of our calls to Slack, in multiples of what Slack allows: people here write at machine speed."""
_UNDER_WAY = (
    "select target_service_name as service, target_handler_name as handler, status, "
    "target_service_key as key from sys_invocation where status <> 'completed' "
    "and (status <> 'scheduled' or target_service_name = 'Thread')"
)


@dataclass
class World:
    cloud: Cloud
    people: PeopleClient
    sessions: SessionClient
    scribe: Scribe
    bots: list[Child]

    async def under_way(self) -> list[str]:
        """What the engine has still to do; timers that only wait for disuse are left out."""
        url = f"{self.cloud.restate.admin_url}/query"
        headers = {"accept": "application/json"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(url, json={"query": _UNDER_WAY}) as response,
        ):
            response.raise_for_status()
            rows = (await response.json())["rows"]
        return [f"{r['service']}/{r['handler']} {r['status']} {r.get('key', '')}" for r in rows]


@asynccontextmanager
async def running_world() -> AsyncIterator[World]:
    """Raises LocalCloudError when a part does not come up."""
    scribe = Scribe()
    pace = {"THREADWRIGHT_SLACK_PACE": PACE}
    async with running_model(
        scenarios=[scribe.scenario], delay_ms=MODEL_DELAY_MS, remember=1
    ) as model:
        wishes = Wishes(quiet=True, model_url=model.base_url, bot_environ=pace, sandbox_environ={})
        async with (
            running_cloud(wishes) as cloud,
            PeopleClient(cloud.page_url) as people,
            _second_bot(cloud, pace) as second,
        ):
            sessions = SessionClient(cloud.restate.ingress_url, timeout_seconds=20)
            try:
                yield World(cloud, people, sessions, scribe, [cloud.bot, second])
            finally:
                await sessions.aclose()


@asynccontextmanager
async def _second_bot(cloud: Cloud, further: dict[str, str]) -> AsyncIterator[Child]:
    bind = f"127.0.0.1:{free_port()}"
    settings = {
        "RESTATE_INGRESS_URL": cloud.restate.ingress_url,
        "RESTATE_ADMIN_URL": cloud.restate.admin_url,
        "SLACK_API_URL": f"{cloud.page_url}/api/",
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_APP_TOKEN": APP_TOKEN,
        "THREADWRIGHT_BOT_BIND": bind,
        **further,
    }
    log = cloud.data_dir / "bot-2.log"
    bot = Child("bot 2", ["bot"], settings, f"http://{bind}/health", log=log, quiet=True)
    try:
        await bot.start()
        await bot.until_ready()
        yield bot
    finally:
        await bot.stop()
