"""The demo in a real browser: what it asks people besides approvals of commands, and what it hands
them to open.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from bot import names
from local.cloud import Wishes, running_cloud
from tests.e2e.browser import PATIENCE_MS, Window, new_window

pytestmark = pytest.mark.asyncio(loop_scope="package")

SETTINGS = {
    "THREADWRIGHT_BUDGET_USD": "0.25",  # more than any of these tasks needs, but for the to-do CLI
    "LLM_MODEL_CHEAP": "gpt-6-luna",
}


@dataclass
class Stage:
    ana: Window

    async def ask(self, text: str) -> None:
        """Ana asks, and opens the thread."""
        await self.ana.open_channel("C0BUILD")
        await self.ana.write("channel", f"@threadwright {text}")
        root = self.ana.page.locator("#channel [data-testid=message]", has_text=text)
        await root.get_by_test_id("reply-link").click(timeout=PATIENCE_MS)

    def button(self, words: str) -> Locator:
        return self.ana.page.locator("#thread").get_by_role("button", name=words).last

    async def choose(self, words: str) -> None:
        await self.button(words).click()


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def stage(browser: Browser) -> AsyncIterator[Stage]:
    wishes = Wishes(quiet=True, model_delay_ms=10, agent_environ=SETTINGS)
    async with running_cloud(wishes) as cloud:
        ana = await new_window(browser, cloud.page_url, "U0ANA")
        yield Stage(ana)
        assert ana.complaints == []
        await ana.page.close()


async def test_a_click_answers_the_question_before_the_plan(stage: Stage) -> None:
    await stage.ask("build a game")
    await stage.ana.sees("Which game shall it be?")
    await stage.choose("A number guessing game")
    await stage.ana.sees(re.compile("“A number guessing game”"))
    await stage.ana.sees(re.compile(r"guess\.py is there"))
    await stage.ana.keep("question-1-answered")
    await stage.ask("please build a game")
    await stage.choose("Something else")
    await stage.ana.sees("A tested starter package for: please build a game")


async def test_a_step_that_fails_leads_to_another_way_or_to_a_word_that_there_is_none(
    stage: Stage,
) -> None:
    await stage.ask("deploy it to the server")
    await stage.ana.sees(re.compile("New plan because a step did not work out"))
    await stage.ana.sees(re.compile(r"DEPLOY\.md says how to"))
    await stage.ask("deploy it to the moon")
    await stage.ana.sees(re.compile("Blocked"))
    await stage.ana.sees(re.compile("nothing leaves this sandbox"))
    await expect(stage.ana.page.locator("#thread")).not_to_contain_text("Looking for another way")


async def test_an_approved_change_is_a_pull_request_that_opens(stage: Stage) -> None:
    await stage.ask("repo: acme/hello — fix the failing test and open a pull request")
    await stage.ana.sees("Publish this?")
    await stage.ana.sees(re.compile(r"\+    return f\"Hello, \{name or 'world'\}!\""))
    await stage.ana.keep("publish-1-card")
    await stage.ana.press(names.APPROVE)
    link = stage.ana.page.locator("#thread a", has_text="Pull request #1")
    await expect(link).to_be_visible(timeout=PATIENCE_MS)
    async with stage.ana.page.expect_popup() as opened:
        await link.click()
    pull = await opened.value
    await expect(pull.locator("body")).to_contain_text("Co-authored-by: Ana")
    await pull.close()


async def test_a_budget_that_is_used_up_is_raised_for_a_cheaper_model_or_ends_the_work(
    stage: Stage,
) -> None:
    await stage.ask("build a to-do CLI with tests")
    await stage.ana.sees("Budget reached")
    await stage.ana.sees("Waiting for an answer")
    await stage.ana.keep("budget-1-card")
    await stage.choose("Use gpt-6-luna")
    await stage.ana.sees(re.compile("Now uses gpt-6-luna"))
    await expect(stage.button("Continue with")).to_be_visible(timeout=PATIENCE_MS)
    await expect(stage.button("Use gpt-6-luna")).to_have_count(0)
    await stage.ana.page.locator("#thread").get_by_role("button", name="Stop").last.click()
    await stage.ana.sees(re.compile("Ana stopped the work at the budget of this task"))
    failed = stage.ana.page.locator("#thread [data-testid=task][data-status=error]")
    await expect(failed).to_have_count(0)
