"""Owns what the tests of the page share: one browser, and a workspace for each file of them."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.e2e.browser import running_browser
from tests.e2e.page_host import running_host
from tests.e2e.page_world import World, running_world


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def world_of_file(browser: Browser) -> AsyncIterator[World]:
    async with running_world(browser) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="package")
async def world(world_of_file: World) -> AsyncIterator[World]:
    """The test fails when the browser complained about anything meanwhile."""
    world_of_file.complaints.clear()
    yield world_of_file
    assert world_of_file.complaints == []


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def host_of_file(browser: Browser) -> AsyncIterator[tuple[Page, list[str]]]:
    async with running_host(browser) as host:
        yield host


@pytest_asyncio.fixture(loop_scope="package")
async def page(host_of_file: tuple[Page, list[str]]) -> AsyncIterator[Page]:
    """An empty host. The test fails when the browser complained about anything meanwhile."""
    page, complaints = host_of_file
    complaints.clear()
    await page.evaluate("host.replaceChildren()")
    yield page
    assert complaints == []
