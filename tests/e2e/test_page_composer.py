"""The field people write in: drafts, completion, commands, shortcuts, files."""

import pytest
from playwright.async_api import FilePayload, expect

from tests.e2e.page_world import BUILD, World, thread_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_each_conversation_keeps_its_own_draft(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    composer = page.get_by_test_id("channel-composer")
    await composer.fill("for build")
    await page.get_by_test_id("channel-C0GENERAL").click()
    await expect(composer).to_have_value("")
    await page.get_by_test_id("channel-C0BUILD").click()
    await expect(composer).to_have_value("for build")


async def test_a_slash_command_is_refused_in_a_thread_and_the_text_stays(world: World) -> None:
    page = await world.open(thread_of(await world.say("start")))
    composer = page.get_by_test_id("thread-composer")
    await composer.fill("/threadwright status")
    await composer.press("Enter")
    await expect(page.get_by_test_id("toast")).to_contain_text("thread")
    await expect(composer).to_have_value("/threadwright status")


async def test_commands_and_people_are_completed(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    composer = page.get_by_test_id("channel-composer")
    await composer.fill("/thr")
    await composer.press("Enter")
    await expect(composer).to_have_value("/threadwright ")
    await composer.fill("ask @thr")
    await composer.press("Tab")
    await expect(composer).to_have_value("ask @threadwright ")


async def test_files_are_attached_and_downloaded(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    content = bytes(range(256)) * 300
    await page.get_by_test_id("channel-file-input").set_input_files(
        {"name": "data.bin", "mimeType": "application/octet-stream", "buffer": content}
    )
    await page.get_by_test_id("channel-send").click()
    async with page.expect_download() as started:
        await page.get_by_test_id("file-link").last.click()
    assert (await (await started.value).path()).read_bytes() == content


async def test_the_lightning_menu_offers_shortcuts_and_commands(world: World) -> None:
    page = await world.open(BUILD)
    await page.get_by_test_id("channel-shortcuts").click()
    offered = page.get_by_role("menuitem")
    await expect(offered.filter(has_text="/threadwright")).to_be_visible()
    await offered.filter(has_text="My sessions").click()
    await expect(page.get_by_test_id("channel-shortcuts")).to_be_focused()
    assert world.ears.last("shortcut")["callback_id"] == "my_sessions"
    await page.get_by_test_id("channel-shortcuts").click()
    await offered.filter(has_text="/threadwright").click()
    await expect(page.get_by_test_id("channel-composer")).to_have_value("/threadwright ")
    await page.get_by_test_id("channel-composer").fill("")


async def test_an_outsider_is_offered_no_shortcut(world: World) -> None:
    page = await world.open("#user=U0OTTO&channel=C0GENERAL")
    await page.get_by_test_id("channel-shortcuts").click()
    await expect(page.get_by_role("menuitem")).to_have_text("No app offers a shortcut to you here")
    await page.keyboard.press("Escape")


async def test_a_command_shows_its_usage_while_it_is_typed(world: World) -> None:
    page = await world.open(BUILD)
    await page.get_by_test_id("channel-composer").fill("/threadwright st")
    await expect(page.locator("#channel .composer-hint")).to_contain_text("download | status")
    await page.get_by_test_id("channel-composer").fill("")
    await expect(page.locator("#channel .composer-hint")).to_contain_text("Enter sends")


async def test_a_file_can_be_taken_back_before_it_is_sent(world: World) -> None:
    page = await world.open(BUILD)
    notes: FilePayload = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"x"}
    await page.get_by_test_id("channel-file-input").set_input_files(notes)
    await expect(page.get_by_test_id("channel-send")).to_be_enabled()
    await page.get_by_role("button", name="Remove notes.txt").click()
    await expect(page.get_by_test_id("channel-send")).to_be_disabled()


async def test_who_mentions_the_bot_where_it_is_not_is_asked_to_invite_it(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0QUIET")
    await page.get_by_test_id("channel-composer").fill("@threadwright hello")
    await page.get_by_test_id("channel-composer").press("Escape")
    await page.get_by_test_id("channel-composer").press("Enter")
    await page.get_by_test_id("confirm-yes").click()
    joined = page.locator("#channel").get_by_text("has joined the channel")
    await expect(joined).to_be_visible()
    await page.get_by_test_id("members").click()
    await page.get_by_test_id("menu-kick").click()
    await expect(page.locator("#channel").get_by_text("has left the channel")).to_be_visible()
