"""Owns a workspace whose app speaks only when the test says so, and a browser to look at it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Browser, Locator, Page
from slack_sdk.web.async_client import AsyncWebClient

from local.slack import modals, seed
from local.slack.server import running_workspace
from local.slack.state import View
from local.slack.workspace import Workspace
from tests.e2e.browser import PATIENCE_MS
from tests.e2e.page_app import QuietApp, connected_app

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
BUILD = "#user=U0ANA&channel=C0BUILD"


@dataclass
class World:
    """A workspace whose app speaks only when the test says so, and a browser to look at it."""

    workspace: Workspace
    app: AsyncWebClient
    ears: QuietApp
    http: aiohttp.ClientSession
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)

    async def act(self, gesture: str, **body: Any) -> dict[str, Any]:
        url = f"{self.workspace.base_url}/local/{gesture}"
        async with self.http.post(url, json=body) as response:
            answer: dict[str, Any] = await response.json()
        assert answer["ok"], answer
        return answer

    async def say(self, text: str, user: str = "U0BEN", **where: str) -> str:
        posted = await self.act("message", **{"channel": "C0BUILD", **where}, user=user, text=text)
        return str(posted["ts"])

    async def open(self, where: str, width: int = 1280) -> Page:
        """The page at this address. Tests share one page per person and width: loading is slow."""
        key = f"{where.partition('&')[0]} {width}"
        if key not in self.pages:
            self.pages[key] = await self.browser.new_page(viewport={"width": width, "height": 800})
            self.pages[key].set_default_timeout(PATIENCE_MS)
            self.pages[key].on("console", lambda message: self.complaints.append(message.text))
            self.pages[key].on("pageerror", lambda error: self.complaints.append(str(error)))
        page = self.pages[key]
        await page.goto(f"{self.workspace.base_url}/{where}")
        return page

    def show_modal(self, user: str = "U0ANA", *, on_top: bool = False, **view: Any) -> View:
        """As the app's views.open and views.push do it."""
        checked = modals.checked_view(modal(**view), "modal")
        return modals.show(self.workspace, user, checked, on_top=on_top)

    def update_modal(self, shown: View, **view: Any) -> None:
        modals.replace(self.workspace, shown, modals.checked_view(modal(**view), "modal"))


@asynccontextmanager
async def running_world(browser: Browser) -> AsyncIterator[World]:
    async with (
        running_workspace(manifest=MANIFEST) as workspace,
        aiohttp.ClientSession() as http,
    ):
        base_url = workspace.api_url.rstrip("/") + "/"
        app = AsyncWebClient(seed.BOT_TOKEN, base_url=base_url, session=http)
        async with connected_app(workspace, http) as ears:
            world = World(workspace, app, ears, http, browser)
            yield world
            for page in world.pages.values():
                await page.close()


def modal(title: str, blocks: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    words = {"type": "plain_text", "text": title}
    submit = {"type": "plain_text", "text": "Go"}
    return {"type": "modal", "title": words, "submit": submit, "blocks": blocks, **more}


def thread_of(ts: str, user: str = "U0ANA") -> str:
    return f"#user={user}&channel=C0BUILD&thread={ts}"


def message(page: Page, ts: str, pane: str = "#channel") -> Locator:
    return page.locator(f"{pane} [data-testid=message][data-ts='{ts}']")


async def recorded(page: Page, gesture: str, act: Callable[[], Awaitable[None]]) -> Any:
    """The body of the request this act leads to."""
    async with page.expect_request(f"**/local/{gesture}") as sent:
        await act()
    return (await sent.value).post_data_json
