"""Channels and people: what is unread, who one is, coming and going."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.e2e.page_world import BUILD, World, message, thread_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_message_elsewhere_marks_its_channel_unread(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    await expect(page.get_by_test_id("channel-C0BUILD")).to_be_visible()
    general = page.get_by_test_id("channel-C0GENERAL")
    async with asyncio.timeout(60):
        while not await general.locator(".unread-dot").count():
            await world.say("news", channel="C0GENERAL")
    await general.click()
    await expect(general.locator(".unread-dot")).to_have_count(0)


async def test_who_and_where_survive_a_reload_and_escape_closes_the_thread(world: World) -> None:
    root = await world.say("start")
    page = await world.open(thread_of(root))
    await page.get_by_test_id("user-U0BEN").click()
    await expect(page.get_by_test_id("user-U0BEN")).to_have_attribute("aria-pressed", "true")
    await page.reload()
    await expect(page.get_by_test_id("user-U0BEN")).to_have_attribute("aria-pressed", "true")
    await expect(message(page, root, "#thread")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#thread")).to_be_hidden()
    await page.go_back()
    await expect(page.locator("#thread")).to_be_visible()


async def test_a_mention_elsewhere_is_counted_and_a_line_shows_where_the_new_begins(
    world: World,
) -> None:
    page = await world.open("#user=U0ANA&channel=C0VAULT")
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()
    vault, general = (
        page.get_by_test_id("channel-C0VAULT"),
        page.get_by_test_id("channel-C0GENERAL"),
    )
    await general.click()
    await expect(general).to_have_attribute("aria-current", "page")
    first = await world.say("@ana look", channel="C0VAULT")
    await world.say("@ana and look", channel="C0VAULT")
    await expect(vault.locator(".unread-count")).to_contain_text("2")
    await vault.click()
    line = page.locator("#channel .separator.is-new + [data-testid=message]")
    await expect(line).to_have_attribute("data-ts", first)
    await general.click()
    await vault.click()
    await expect(message(page, first)).to_be_visible()
    await expect(page.locator(".separator.is-new")).to_have_count(0)


async def test_people_and_places_are_told_apart(world: World) -> None:
    page = await world.open(BUILD)
    await expect(page.get_by_test_id("user-U0GUS")).to_contain_text("guest")
    await expect(page.get_by_test_id("user-U0OTTO")).to_contain_text("external")
    await expect(page.get_by_test_id("channel-G0TRIO")).to_have_text("Ben, Threadwright")
    await expect(page.get_by_test_id("channel-C0VAULT").locator("[data-icon=lock]")).to_be_visible()
    gus = await world.open("#user=U0GUS&channel=C0BUILD")
    await expect(gus.get_by_test_id("channel-C0BUILD")).to_be_visible()
    await expect(gus.get_by_test_id("channel-C0VAULT")).to_have_count(0)


async def test_who_reads_a_channel_from_outside_can_join_and_leave_it(world: World) -> None:
    page = await world.open("#user=U0CLEO&channel=C0QUIET")
    await expect(page.get_by_test_id("channel-composer")).to_be_hidden()
    await page.get_by_test_id("join").click()
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()
    await page.get_by_test_id("members").click()
    await page.get_by_test_id("menu-leave").click()
    await expect(page.get_by_test_id("join")).to_be_visible()
