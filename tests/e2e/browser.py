"""Owns a browser for tests, and a person's window on the workspace in it."""

import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Browser, FilePayload, Locator, Page, async_playwright, expect

ARTEFACTS = Path(__file__).parents[2] / "artefacts"
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)

Pane = Literal["channel", "thread"]

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
]


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """Skips the test where no Chromium is installed."""
    known = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, known)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: install the Debian package chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        yield browser
        await browser.close()


def complaints_of(page: Page) -> list[str]:
    """Grows by whatever the browser says in its console from now on."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


class Window:
    """One person's window on the workspace. What it is asked to find, it waits for."""

    def __init__(self, page: Page, page_url: str, user: str) -> None:
        self.page = page
        self.user = user
        self.complaints = complaints_of(page)
        self._page_url = page_url

    # --- where one is ---

    async def open_channel(self, channel: str) -> None:
        await self.page.goto(f"{self._page_url}/#user={self.user}&channel={channel}")

    async def open_dm(self) -> None:
        await self.open_channel(f"D0{self.user.removeprefix('U0')}")

    async def open_home(self) -> Locator:
        await self.open_dm()
        await self.page.get_by_test_id("tab-home").click()
        return self.page.get_by_test_id("home")

    async def open_thread(self) -> None:
        """Of the newest message that has one."""
        await self.page.get_by_test_id("reply-link").last.click()

    async def dark(self, dark: bool = True) -> None:
        await self.page.emulate_media(color_scheme="dark" if dark else "light")

    # --- what one does ---

    async def write(self, where: Pane, text: str) -> None:
        await self.page.get_by_test_id(f"{where}-composer").fill(text)
        await self.page.get_by_test_id(f"{where}-composer").press("Enter")

    async def attach(self, where: Pane, files: Mapping[str, bytes]) -> None:
        """To the message that is being written."""
        given: list[FilePayload] = [
            {"name": name, "mimeType": "application/octet-stream", "buffer": content}
            for name, content in files.items()
        ]
        await self.page.get_by_test_id(f"{where}-file-input").set_input_files(given)

    async def press(self, action_id: str) -> None:
        """The newest button with this action."""
        await self.page.locator(f'[data-action-id="{action_id}"]').last.click()

    async def choose(self, action_id: str, label: str) -> None:
        """An option of the first overflow menu with this action."""
        await self.page.locator(f'[data-action-id="{action_id}"]').first.click()
        await self.page.get_by_role("menuitem", name=label).click()

    async def use_shortcut(self, callback_id: str, row: Locator | None = None) -> None:
        """On this message, else on the newest of the thread."""
        row = row or self.page.locator("#thread [data-testid=message]").last
        await row.hover()
        await row.get_by_test_id("more-actions").click()
        await self.page.get_by_test_id(f"menu-shortcut-{callback_id}").click()

    async def use_global_shortcut(self, callback_id: str) -> None:
        await self.page.get_by_test_id("channel-shortcuts").click()
        await self.page.get_by_test_id(f"menu-global-{callback_id}").click()

    async def stop(self) -> None:
        """With the native button of the thread's session."""
        await self.page.get_by_test_id("stop-button").click()

    async def submit(self, fields: Mapping[str, str]) -> None:
        """Fill the open modal, by label, and submit it; menus and radios take an option's words."""
        modal = self.page.get_by_test_id("modal")
        for label, value in fields.items():
            await _fill(modal.get_by_label(label).first, value)
        await modal.get_by_test_id("modal-submit").click()

    async def close_modal(self) -> None:
        """The one on top."""
        await self.page.get_by_test_id("modal-close").click()
        await expect(self.page.get_by_test_id("modal")).to_be_hidden()

    async def download(self) -> bytes:
        """The newest file of the thread."""
        async with self.page.expect_download() as started:
            await self.page.locator("#thread").get_by_test_id("file-link").last.click()
        return (await (await started.value).path()).read_bytes()

    # --- what one sees ---

    async def sees(self, text: str | re.Pattern[str], where: str = "#thread") -> None:
        shown = self.page.locator(where).get_by_text(text).last
        await expect(shown).to_be_visible(timeout=PATIENCE_MS)

    async def keep(self, name: str) -> None:
        """A picture in `artefacts/`."""
        ARTEFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTEFACTS / f"{name}.png")


async def _fill(field: Locator, value: str) -> None:
    kind = await field.evaluate("node => node.getAttribute('role') ?? node.nodeName")
    if kind in ("radiogroup", "group"):
        await field.get_by_label(value).first.check()
    elif kind == "SELECT":
        await field.select_option(label=value)
    else:
        await field.fill(value)


@asynccontextmanager
async def browser_windows(page_url: str, *users: str) -> AsyncIterator[list[Window]]:
    """A window for each of them, on #build. Fails when the browser complained of anything."""
    async with running_browser() as browser:
        windows = [await new_window(browser, page_url, user) for user in users]
        yield windows
        for window in windows:
            assert window.complaints == []


async def new_window(browser: Browser, page_url: str, user: str) -> Window:
    page = await browser.new_page(viewport={"width": 1360, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    window = Window(page, page_url, user)
    await window.open_channel("C0BUILD")
    return window
