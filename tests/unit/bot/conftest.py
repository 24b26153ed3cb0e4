"""The bot's app between two recording servers; deliveries go in without a socket."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from agent.client import SessionClient
from bot.app import build_app
from bot.settings import Settings
from tests.unit.bot.servers import FakeIngress, FakeSlack

Deliver = Callable[[dict[str, Any]], Awaitable[BoltResponse]]


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    fake = FakeSlack()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", fake.handle)
    app.router.add_post("/respond", fake.handle_response_url)
    async with _served(app) as url:
        fake.url = url
        yield fake


@pytest.fixture
async def ingress() -> AsyncIterator[FakeIngress]:
    fake = FakeIngress()
    app = web.Application()
    app.router.add_post("/restate/{tail:.*}", fake.handle)
    async with _served(app) as url:
        fake.url = url
        yield fake


@pytest.fixture
async def deliver(slack: FakeSlack, ingress: FakeIngress) -> AsyncIterator[Deliver]:
    """Hand the app one delivery; the answer's status tells whether Slack gets its ack."""
    settings = Settings.load(
        {
            "SLACK_BOT_TOKEN": "xoxb-local-threadwright",
            "SLACK_APP_TOKEN": "xapp-local-threadwright",
            "SLACK_API_URL": f"{slack.url}/api/",
        }
    )
    sessions = SessionClient(ingress.url)
    async with aiohttp.ClientSession() as http:
        app = build_app(settings, sessions, http)

        async def dispatch(body: dict[str, Any]) -> BoltResponse:
            request = AsyncBoltRequest(mode="socket_mode", body=json.loads(json.dumps(body)))
            return await app.async_dispatch(request)

        yield dispatch
        await sessions.aclose()
