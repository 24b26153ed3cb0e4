"""The whole product in a real browser: each way a risky command is answered, and by whom."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from bot import names
from local.cloud import Wishes, running_cloud
from local.model import Reply, running_model
from tests.e2e.browser import PATIENCE_MS, Window, new_window
from tests.integration.agent.driver import finish, is_planning, outputs, plan, shell, text_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

RISKY = "git clean -fdX"


def script(request: dict[str, Any]) -> Reply:
    """One step with a risky command; after an objection in words another one without."""
    objected = "leave them" in text_of(request)
    if is_planning(request):
        return plan("other") if objected else plan("tidy")
    if objected:
        return finish("Left them.")
    return finish(json.dumps(outputs(request)[-1])) if outputs(request) else shell(RISKY)


@dataclass
class Stage:
    ana: Window
    ben: Window
    cleo: Window

    async def ask(self, text: str) -> None:
        """Ana asks; the card stands in the thread, which all three have open."""
        await self.ana.open_channel("C0BUILD")
        await self.ana.write("channel", f"@threadwright {text}")
        root = self.ana.page.locator("#channel [data-testid=message]", has_text=text)
        await root.get_by_test_id("reply-link").click(timeout=PATIENCE_MS)
        await expect(self.ana.page.locator(f"[data-action-id={names.APPROVE}]")).to_be_visible(
            timeout=PATIENCE_MS
        )
        for window in (self.ben, self.cleo):
            await window.open_channel("C0BUILD")
            root = window.page.locator("#channel [data-testid=message]", has_text=text)
            await root.get_by_test_id("reply-link").click(timeout=PATIENCE_MS)

    async def all_see(self, words: str) -> None:
        """The card says so to everyone, and nobody can answer it any more."""
        for window in (self.ana, self.ben, self.cleo):
            await window.sees(re.compile(words))
            buttons = window.page.locator(f"#thread [data-action-id={names.APPROVE}]")
            await expect(buttons).to_have_count(0)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def stage(browser: Browser) -> AsyncIterator[Stage]:
    settings = {"THREADWRIGHT_APPROVERS": "S0REVIEW"}  # Ben is in this group
    async with (
        running_model(scenarios=[script]) as model,
        running_cloud(
            Wishes(quiet=True, model_url=model.base_url, agent_environ=settings)
        ) as cloud,
    ):
        windows = [
            await new_window(browser, cloud.page_url, user) for user in ("U0ANA", "U0BEN", "U0CLEO")
        ]
        yield Stage(*windows)
        for window in windows:
            assert window.complaints == []
            await window.page.close()


async def test_who_asked_approves(stage: Stage) -> None:
    await stage.ask("tidy one")
    await stage.ana.press(names.APPROVE)
    await stage.all_see("Approved")


async def test_a_member_of_the_approvers_group_approves_and_others_are_told_no(
    stage: Stage,
) -> None:
    await stage.ask("tidy two")
    await stage.cleo.press(names.APPROVE)
    await stage.cleo.sees(re.compile("can answer this"))
    await stage.ben.press(names.APPROVE)
    await stage.all_see("Approved")


async def test_a_click_denies_and_the_work_goes_on_without(stage: Stage) -> None:
    await stage.ask("tidy three")
    await stage.ana.press(names.DENY)
    await stage.all_see("Denied")
    await stage.ana.sees(re.compile("denied this command"))


async def test_a_written_reply_denies_with_its_words_and_is_planned_with(stage: Stage) -> None:
    await stage.ask("tidy four")
    await stage.ana.write("thread", "no, leave them where they are")
    await stage.all_see("Denied")
    await stage.ben.sees(re.compile("“no, leave them where they are”"))
    await stage.ana.sees(re.compile("Left them"))


async def test_a_stop_withdraws_the_question(stage: Stage) -> None:
    await stage.ask("tidy five")
    await stage.ben.write("thread", "stop")
    await stage.all_see("Withdrawn")
