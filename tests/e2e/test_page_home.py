"""The app's home, and the tabs of the conversation with it."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from tests.e2e.page_blocks import button, option, plain, section
from tests.e2e.page_world import World

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_home_of_the_app_is_shown_when_it_is_published(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=D0ANA")
    await page.get_by_test_id("tab-home").click()
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Your sessions"}}]
    await world.app.views_publish(user_id="U0ANA", view={"type": "home", "blocks": blocks})
    await expect(page.get_by_test_id("home")).to_contain_text("Your sessions")
    await page.get_by_test_id("tab-messages").click()
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()


async def publish(world: World, *blocks: dict[str, Any]) -> None:
    await world.app.views_publish(user_id="U0ANA", view={"type": "home", "blocks": list(blocks)})


async def test_the_app_hears_of_each_look_at_a_tab(world: World) -> None:
    page = await world.open("#user=U0ANA&channel=C0BUILD")
    for opened in ("channel-D0ANA", "tab-home"):
        async with page.expect_response("**/local/home"):
            await page.get_by_test_id(opened).click()
    events = [one["event"] for one in world.ears.heard if one["type"] == "event_callback"]
    looked = [one["tab"] for one in events if one["type"] == "app_home_opened"]
    assert looked[-2:] == ["messages", "home"]


async def test_a_home_that_was_never_published_says_so(world: World) -> None:
    page = await world.open("#user=U0BEN&channel=D0BEN&tab=home")
    await expect(page.get_by_test_id("home")).to_contain_text("not published its home yet")


async def test_what_is_chosen_in_the_home_reaches_the_app(world: World) -> None:
    options = [option("1"), option("2")]
    menu = {"type": "overflow", "action_id": "menu", "options": options}
    select = {"type": "static_select", "action_id": "model", "options": options}
    radios = {"type": "radio_buttons", "action_id": "care", "options": options}
    note = {"type": "plain_text_input", "action_id": "note"}
    await publish(
        world,
        {**section("A session"), "block_id": "row", "accessory": menu},
        {"type": "actions", "block_id": "set", "elements": [select, radios, button("go")]},
        {
            "type": "input",
            "block_id": "note",
            "label": plain("Note"),
            "element": note,
            "dispatch_action": True,
        },
    )
    page = await world.open("#user=U0ANA&channel=D0ANA&tab=home")
    home = page.get_by_test_id("home")

    async def told() -> dict[str, Any]:
        async with asyncio.timeout(60):
            while not world.ears.heard or world.ears.heard[-1]["type"] != "block_actions":
                await asyncio.sleep(0.01)
        action: dict[str, Any] = world.ears.heard.pop()["actions"][0]
        return action

    await home.get_by_role("button", name="More options").click()
    await page.get_by_role("menuitem", name="Option 2").click()
    assert (await told())["selected_option"]["value"] == "2"
    await home.locator("select").select_option(label="Option 1")
    assert (await told())["selected_option"]["value"] == "1"
    await home.get_by_label("Option 2").check()
    assert (await told())["action_id"] == "care"
    await home.get_by_label("Note").fill("remember")
    await home.get_by_label("Note").press("Enter")
    assert (await told())["value"] == "remember"
    await home.locator("[data-action-id=go]").click()
    assert (await told())["value"] == "v1"


async def test_publishing_again_keeps_what_is_half_typed(world: World) -> None:
    note = {"type": "plain_text_input", "action_id": "note"}
    block = {"type": "input", "block_id": "n", "label": plain("Note"), "element": note}
    await publish(world, section("one"), block)
    page = await world.open("#user=U0ANA&channel=D0ANA&tab=home")
    await page.get_by_label("Note").fill("half")
    await publish(world, section("two"), block)
    await expect(page.get_by_test_id("home")).to_contain_text("two")
    await expect(page.get_by_label("Note")).to_have_value("half")
    await expect(page.get_by_label("Note")).to_be_focused()
