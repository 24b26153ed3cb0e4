"""The bot's app between two recording servers; deliveries go in without a socket."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import aiohttp
import pytest
from slack_bolt.response import BoltResponse

from agent.client import SessionClient
from bot.app import build_app, dispatch
from bot.settings import Settings
from tests.unit.bot.servers import FakeIngress, FakeSlack, running_ingress, running_slack

Deliver = Callable[..., Coroutine[Any, Any, BoltResponse]]


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with running_slack() as fake:
        yield fake


@pytest.fixture
async def ingress() -> AsyncIterator[FakeIngress]:
    async with running_ingress() as fake:
        yield fake


@asynccontextmanager
async def delivering(slack: FakeSlack, ingress: FakeIngress, **more: str) -> AsyncIterator[Deliver]:
    settings = Settings.load(
        {
            "SLACK_BOT_TOKEN": "xoxb-local-threadwright",
            "SLACK_APP_TOKEN": "xapp-local-threadwright",
            "SLACK_API_URL": f"{slack.url}/api/",
        }
        | more
    )
    sessions = SessionClient(ingress.url)
    async with aiohttp.ClientSession() as http:
        app = build_app(settings, sessions, http)

        async def hand_over(body: dict[str, Any], **headers: str) -> BoltResponse:
            copy = json.loads(json.dumps(body))
            return await dispatch(app, copy, {"x-slack-retry-num": "0"} | headers, "socket_mode")

        yield hand_over
        await sessions.aclose()


@pytest.fixture
async def deliver(slack: FakeSlack, ingress: FakeIngress) -> AsyncIterator[Deliver]:
    """Hand the app one delivery; the answer's status tells whether Slack gets its ack."""
    async with delivering(slack, ingress) as hand_over:
        yield hand_over


@pytest.fixture
def make_deliver(
    slack: FakeSlack, ingress: FakeIngress
) -> Callable[..., AbstractAsyncContextManager[Deliver]]:
    """The same, with settings of one's own."""
    return partial(delivering, slack, ingress)
