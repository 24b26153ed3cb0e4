"""A preview as a person meets it: asked for in the thread, opened by its link in the browser."""

import re

from playwright.async_api import expect

from local.cloud import Wishes, running_cloud
from tests.e2e.browser import PATIENCE_MS, browser_windows


async def test_the_page_that_was_built_opens_by_its_link_until_it_has_expired() -> None:
    wishes = Wishes(
        quiet=True, model_delay_ms=20, agent_environ={"THREADWRIGHT_PREVIEW_MINUTES": "0.1"}
    )
    async with (
        running_cloud(wishes) as cloud,
        browser_windows(cloud.page_url, "U0ANA") as (ana,),
    ):
        await ana.write("channel", "@threadwright show me the page you built")
        await ana.open_thread()
        link = ana.page.locator("#thread a", has_text="the page").first
        await expect(link).to_be_visible(timeout=PATIENCE_MS)
        await ana.keep("preview-1-open")
        address = await link.get_attribute("href")
        assert address is not None
        assert ana.page.context.browser is not None
        opened = await ana.page.context.browser.new_page()
        await opened.goto(address)
        await expect(opened.locator("h1")).to_have_text("Built in a thread")
        await ana.sees(re.compile("The preview of the page has expired"))
        answer = await opened.reload()
        assert answer is not None
        assert answer.status == 403
