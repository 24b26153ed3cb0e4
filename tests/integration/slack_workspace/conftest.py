"""The workspace, its people and the app's Web API client."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import manifest, write_manifest


@pytest.fixture
async def ws(tmp_path: Path) -> AsyncIterator[Workspace]:
    async with running_workspace(manifest=write_manifest(tmp_path, manifest())) as workspace:
        yield workspace


@pytest.fixture
async def people(ws: Workspace) -> AsyncIterator[PeopleClient]:
    async with PeopleClient(ws.base_url) as client:
        yield client


@pytest.fixture
def ana(people: PeopleClient) -> Person:
    return people.person("U0ANA")


@pytest.fixture
def ben(people: PeopleClient) -> Person:
    return people.person("U0BEN")


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def web(ws: Workspace, http: aiohttp.ClientSession) -> AsyncWebClient:
    return AsyncWebClient(token=ws.bot_token, base_url=ws.api_url, session=http)
