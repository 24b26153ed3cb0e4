"""Threads on the page, and the agent sessions in them."""

import pytest
from playwright.async_api import expect

from tests.e2e.page_world import BUILD, World, message, recorded, thread_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_session_of_a_thread_shows_its_status_and_can_be_stopped(world: World) -> None:
    root = await world.say("start")
    page = await world.open(thread_of(root))
    await world.app.agents_sessions_setStatus(
        channel_id="C0BUILD", thread_ts=root, status="processing", title="To-do CLI"
    )
    await expect(page.get_by_test_id("session")).to_contain_text("To-do CLI")
    await expect(page.get_by_test_id("session-status")).to_have_text("working…")
    await expect(message(page, root).get_by_test_id("session-chip")).to_be_visible()
    body = await recorded(page, "stop", page.get_by_test_id("stop-button").click)
    assert body == {"user": "U0ANA", "channel": "C0BUILD", "thread_ts": root}
    await world.app.agents_sessions_setStatus(
        channel_id="C0BUILD", thread_ts=root, status="suspended"
    )
    await expect(page.get_by_test_id("session-status")).to_have_text("waiting for an answer")
    await expect(page.get_by_test_id("stop-button")).to_have_count(0)


async def test_a_permalink_opens_its_thread(world: World) -> None:
    root = await world.say("start")
    reply = await world.say("deep", thread_ts=root)
    link = await world.app.chat_getPermalink(channel="C0BUILD", message_ts=reply)
    page = await world.open(str(link["permalink"]).removeprefix(world.workspace.base_url + "/"))
    await expect(message(page, reply, "#thread")).to_be_visible()


async def test_sessions_are_listed_with_their_status_and_lead_to_their_thread(world: World) -> None:
    root = await world.say("start")
    page = await world.open(BUILD)
    await world.app.agents_sessions_setStatus(
        channel_id="C0BUILD", thread_ts=root, status="suspended", title="Listed"
    )
    row = page.get_by_test_id("session-row").filter(has_text="Listed")
    await expect(row).to_contain_text("waiting for an answer")
    await world.app.agents_sessions_setStatus(
        channel_id="C0BUILD", thread_ts=root, status="processing"
    )
    await expect(row).to_have_attribute("data-status", "processing")
    await row.click()
    await expect(message(page, root, "#thread")).to_be_visible()
    await expect(row).to_have_attribute("aria-current", "true")


async def test_a_reply_can_be_sent_to_the_channel_too(world: World) -> None:
    root = await world.say("the @ben question")
    page = await world.open(thread_of(root))
    await page.get_by_test_id("thread-composer").fill("an answer for all")
    await page.get_by_test_id("thread-broadcast").check()
    await page.get_by_test_id("thread-send").click()
    await expect(page.get_by_test_id("thread-broadcast")).not_to_be_checked()
    last = page.locator("#channel [data-testid=message]").last
    await expect(last).to_contain_text("replied to a thread: the @ben question")
    await expect(page.locator("#thread").get_by_text("Also sent to the channel")).to_be_visible()
    await page.get_by_test_id("close-thread").click()
    await last.get_by_test_id("broadcast-root").click()
    await expect(message(page, root, "#thread")).to_be_visible()


async def test_each_message_to_the_bot_is_a_thread_of_its_own(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=D0ANA")
    for text in ("first wish", "second wish"):
        await page.get_by_test_id("channel-composer").fill(text)
        await page.get_by_test_id("channel-composer").press("Enter")
    second = page.locator("#channel [data-testid=message]", has_text="second wish")
    ts = await second.get_attribute("data-ts")
    await world.app.chat_postMessage(channel="D0ANA", thread_ts=ts, text="On it.")
    await second.get_by_test_id("reply-link").click()
    thread = page.locator("#thread [data-testid=message]")
    await expect(thread).to_have_count(2)
    await expect(page.get_by_test_id("thread-broadcast")).to_be_hidden()


async def test_a_shortcut_of_a_message_is_told_to_the_app(world: World) -> None:
    root = await world.say("start")
    page = await world.open(thread_of(root))
    row = message(page, root, "#thread")
    await row.hover()
    await row.get_by_test_id("more-actions").click()
    await page.get_by_test_id("menu-shortcut-download_project").click()
    async with page.expect_response("**/local/messages?*"):
        await world.say("next")
    heard = world.ears.last("message_action")
    assert (heard["callback_id"], heard["message"]["ts"]) == ("download_project", root)
