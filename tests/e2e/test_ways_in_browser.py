"""The whole product in a real browser: each way there is to ask for the project, for the status, to
stop, and to choose, told apart by what the thread or the screen shows afterwards."""

import io
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from bot import names
from bot.answers import TRY_AGAIN
from local.cloud import Cloud, Wishes, running_cloud
from tests.e2e.browser import PATIENCE_MS, Window, new_window

pytestmark = pytest.mark.asyncio(loop_scope="package")

REQUEST = "@threadwright build a tiny greeter"
LONG = "@threadwright build a to-do CLI with tests, and soak test it"


@dataclass
class Stage:
    """The whole product, and one window with a finished project in its thread."""

    cloud: Cloud
    ana: Window
    thread: str
    """The address of the finished thread."""


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def stage_of_file(browser: Browser) -> AsyncIterator[Stage]:
    async with running_cloud(Wishes(quiet=True, model_delay_ms=20)) as cloud:
        ana = await new_window(browser, cloud.page_url, "U0ANA")
        await ana.write("channel", REQUEST)
        await ana.open_thread()
        await expect(ana.page.locator(f"[data-action-id={names.DOWNLOAD}]").last).to_be_visible(
            timeout=PATIENCE_MS
        )
        yield Stage(cloud, ana, ana.page.url)
        await ana.page.close()


@pytest_asyncio.fixture(loop_scope="package")
async def stage(stage_of_file: Stage) -> AsyncIterator[Stage]:
    """On the finished thread. The test fails when the browser complained about anything."""
    window = stage_of_file.ana
    await window.page.goto(stage_of_file.thread)
    finished = window.page.locator(f"#thread [data-action-id={names.DOWNLOAD}]")
    await expect(finished).to_be_visible()
    window.complaints.clear()
    yield stage_of_file
    assert window.complaints == []


async def new_archive(stage: Stage, files_before: int) -> None:
    """One more file stands in the thread, and it is the project."""
    ana = stage.ana
    links = ana.page.locator("#thread").get_by_test_id("file-link")
    await expect(links).to_have_count(files_before + 1, timeout=PATIENCE_MS)
    with zipfile.ZipFile(io.BytesIO(await ana.download())) as archive:
        assert any(name.endswith("README.md") for name in archive.namelist())


async def from_home(ana: Window, choice: str, told: str) -> None:
    """Choose it, and again while the machine is too slow for an answer in Slack's three seconds."""
    await ana.open_home()
    modal = ana.page.get_by_test_id("modal")
    for _ in range(10):
        await ana.choose(names.SESSION_MENU, choice)
        await expect(modal).to_contain_text(re.compile(f"{told}|{re.escape(TRY_AGAIN)}"))
        said = await modal.inner_text()
        await ana.close_modal()
        if TRY_AGAIN not in said:
            return
    raise AssertionError(said)


@pytest.mark.parametrize("way", ["button", "word", "shortcut", "command", "home"])
async def test_the_project_comes_by_each_way(stage: Stage, way: str) -> None:
    ana = stage.ana
    files = await ana.page.locator("#thread").get_by_test_id("file-link").count()
    match way:
        case "button":
            await ana.press(names.DOWNLOAD)
        case "word":
            await ana.write("thread", "download")
        case "shortcut":
            await ana.use_shortcut(names.DOWNLOAD_SHORTCUT)
        case "command":
            await ana.write("channel", f"{names.COMMAND} download")
        case "home":
            await from_home(ana, "Download project", "will be posted")
            await ana.page.goto(stage.thread)
    await new_archive(stage, files)


async def test_the_status_comes_as_a_modal_by_shortcut(stage: Stage) -> None:
    await stage.ana.use_shortcut(names.STATUS_SHORTCUT)
    await stage.ana.sees(re.compile("greeter", re.IGNORECASE), "[data-testid=modal]")
    await stage.ana.close_modal()


async def test_ones_sessions_come_by_global_shortcut(stage: Stage) -> None:
    await stage.ana.use_global_shortcut(names.SESSIONS_SHORTCUT)
    await stage.ana.sees("Your sessions", "[data-testid=modal]")
    cost = re.compile(r"greeter.*: ready, .*, \$0\.\d\d", re.IGNORECASE)
    await stage.ana.sees(cost, "[data-testid=modal]")
    await stage.ana.close_modal()


@pytest.mark.parametrize("way", ["button", "native", "word", "shortcut", "command"])
async def test_work_is_stopped_by_each_way(stage: Stage, way: str) -> None:
    ana = stage.ana
    await ana.open_channel("C0BUILD")
    asked = ana.page.locator("#channel [data-testid=message]", has_text="soak test it")
    before = await asked.count()
    await ana.write("channel", LONG)
    await expect(asked).to_have_count(before + 1)
    await asked.last.get_by_test_id("reply-link").click(timeout=PATIENCE_MS)
    await expect(ana.page.get_by_test_id("stop-button")).to_be_visible(timeout=PATIENCE_MS)
    await expect(ana.page.locator("#thread [data-testid=task]").first).to_be_visible(
        timeout=PATIENCE_MS
    )
    match way:
        case "button":
            await ana.press(names.STOP)
        case "native":
            await ana.stop()
        case "command":
            await ana.write("channel", f"{names.COMMAND} stop")
        case "word":
            await ana.write("thread", "stop")
        case "shortcut":
            await ana.use_shortcut(names.STOP_SHORTCUT)
    await ana.sees(re.compile("Stopped"))
    await expect(ana.page.get_by_test_id("stop-button")).to_have_count(0, timeout=PATIENCE_MS)


async def test_preferences_are_chosen_in_the_home_and_shown_there(stage: Stage) -> None:
    """The last of them: what it chooses holds for all work after it."""
    home = await stage.ana.open_home()
    await stage.ana.press(names.OPEN_PREFERENCES)
    await expect(stage.ana.page.get_by_test_id("modal")).to_contain_text("Approvals")
    await stage.ana.submit({"Approvals": "Strict", "Budget of one task": "2.50"})
    await stage.ana.sees(re.compile("Saved for you"), "[data-testid=modal]")
    await stage.ana.close_modal()
    await expect(home).to_contain_text("strict", timeout=PATIENCE_MS)
    await expect(home).to_contain_text("$2.50")
