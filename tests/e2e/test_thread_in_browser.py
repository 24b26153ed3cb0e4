"""All processes and the page in a real browser: what the first user of the demo does and sees.

Screenshots of each scene are kept in `artefacts/`.
"""

import re
import zipfile
from pathlib import Path

from playwright.async_api import expect

from local.cloud import Wishes, running_cloud
from tests.e2e.browser import PATIENCE_MS, browser_windows


async def test_two_people_build_a_to_do_cli_from_mention_to_download(tmp_path: Path) -> None:
    async with (
        running_cloud(Wishes(quiet=True, model_delay_ms=150)) as cloud,
        browser_windows(cloud.page_url, "U0ANA", "U0BEN") as (ana, ben),
    ):
        await ana.write("channel", "@threadwright build a to-do CLI with tests, and soak test it")
        await ana.open_thread()
        await ben.open_thread()
        await expect(ana.page.locator("#thread [data-testid=task]")).to_have_count(6)
        await expect(ana.page.locator("[data-testid=reaction]").first).to_contain_text("1")
        await expect(
            ana.page.locator("#thread [data-testid=task][data-status=complete]").first
        ).to_be_visible(timeout=PATIENCE_MS)
        await ana.sees(re.compile("soak.py --seconds 30"))
        await ana.keep("1-working")

        await ben.write("thread", "Change of mind: keep the list in SQLite instead of JSON.")
        await ana.sees(re.compile(r"\(new\)"))
        await ana.sees(re.compile("Dropped"))
        await ana.keep("2-interrupted")

        await ana.sees("Approval needed")
        await ana.sees("Waiting for an answer")
        await ana.keep("3-approval")
        await ben.press("approval_approve")
        await ben.sees("Only visible to you")
        await ben.keep("4-wrong-person")
        await ana.press("approval_approve")
        await ana.sees(re.compile("Approved"))
        await ana.sees(re.compile("All tests pass"))
        await ana.keep("5-done")

        await ana.press("project_download")
        link = ana.page.get_by_test_id("file-link").last
        async with ana.page.expect_download() as download:
            await link.click()
        archive = tmp_path / "project.zip"
        await (await download.value).save_as(archive)
        await ana.keep("6-download")
    with zipfile.ZipFile(archive) as unpacked:
        assert any(name.endswith("todo/cli.py") for name in unpacked.namelist())


async def test_the_stop_button_ends_the_work_and_the_thread_says_so() -> None:
    async with (
        running_cloud(Wishes(quiet=True, model_delay_ms=50)) as cloud,
        browser_windows(cloud.page_url, "U0ANA") as (ana,),
    ):
        await ana.write("channel", "@threadwright build a to-do CLI with tests, and soak test it")
        await ana.open_thread()
        await ana.sees(re.compile("soak.py --seconds 30"))
        await ana.stop()
        await ana.sees(re.compile("^Ana stopped it during “Soak test"))
        await ana.keep("7-stopped")
        await expect(ana.page.get_by_test_id("stop-button")).to_have_count(0)
