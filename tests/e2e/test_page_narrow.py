"""A narrow window shows one view at a time."""

import pytest
from playwright.async_api import expect

from tests.e2e.page_blocks import every_input, section
from tests.e2e.page_world import World, message

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_narrow_window_shows_one_view_at_a_time(world: World) -> None:
    root = await world.say("start")
    page = await world.open("#user=U0ANA&channel=C0BUILD", width=400)
    await message(page, root).hover()
    await message(page, root).get_by_test_id("reply-in-thread").click()
    await expect(page.get_by_test_id("thread-composer")).to_be_visible()
    await expect(page.get_by_test_id("channel-composer")).to_be_hidden()
    await page.get_by_test_id("back-to-channel").click()
    await page.get_by_test_id("back-to-channels").click()
    await expect(page.get_by_test_id("channel-composer")).to_be_hidden()
    await page.get_by_test_id("channel-C0GENERAL").click()
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_narrow_window_fits_the_home_and_modals(world: World) -> None:
    await world.app.views_publish(
        user_id="U0ANA",
        view={"type": "home", "blocks": [section("word " * 50), *every_input()[:4]]},
    )
    page = await world.open("#user=U0ANA&channel=D0ANA&tab=home", width=400)
    await expect(page.get_by_test_id("home")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shown = world.show_modal(title="A title of 24 characters", blocks=every_input())
    await expect(page.get_by_test_id("modal-submit")).to_be_in_viewport()
    edges = "node => { const box = node.getBoundingClientRect(); return [box.left, box.right]; }"
    left, right = await page.get_by_test_id("modal").evaluate(edges)
    assert 0 <= left < right <= 400
    await page.get_by_test_id("modal-x").click()
    await expect(page.get_by_test_id("modal")).to_be_hidden()
    assert shown.id not in world.workspace.state.views


async def test_a_narrow_window_cuts_the_name_of_a_thread_and_keeps_its_link(world: World) -> None:
    root = await world.say("a long beginning of a thread " * 5)
    reply = await world.act(
        "message", channel="C0BUILD", user="U0BEN", text="me too", thread_ts=root, broadcast=True
    )
    page = await world.open("#user=U0ANA&channel=C0BUILD", width=400)
    link = message(page, str(reply["ts"])).get_by_test_id("broadcast-root")
    edges = "node => { const box = node.getBoundingClientRect(); return [box.left, box.right]; }"
    left, right = await link.evaluate(edges)
    assert left + 50 < right <= 400
