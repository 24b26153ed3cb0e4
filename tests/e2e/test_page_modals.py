"""Modals: every kind of field, what is wrong with it, and views over views."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.page_blocks import every_input, field, section
from tests.e2e.page_world import BUILD, World

pytestmark = pytest.mark.asyncio(loop_scope="package")

TWO = [field("name", "plain_text_input"), field("goal", "plain_text_input")]


async def opened(world: World, **view: Any) -> Page:
    page = await world.open(BUILD)
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()
    world.show_modal(**view)
    await expect(page.get_by_test_id("modal")).to_be_visible()
    return page


async def test_a_modal_asks_for_what_is_required_and_keeps_what_is_typed(world: World) -> None:
    page = await world.open(BUILD)
    await expect(page.get_by_test_id("channel-composer")).to_be_visible()
    shown = world.show_modal(title="New", blocks=TWO)
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.get_by_label("Name").fill("half")
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("field-error")).to_have_count(1)
    await expect(page.get_by_label("Goal")).to_be_focused()

    world.update_modal(shown, title="Changed", blocks=TWO)
    await expect(page.get_by_test_id("modal").get_by_role("heading")).to_have_text("Changed")
    await expect(page.get_by_label("Name")).to_have_value("half")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("modal")).to_be_hidden()
    assert world.workspace.state.open_views["U0ANA"] == []


async def test_every_kind_of_field_is_submitted_as_slack_does(world: World) -> None:
    world.ears.answers["block_suggestion"] = {
        "options": [{"text": {"type": "plain_text", "text": "From the app"}, "value": "app"}]
    }
    page = await opened(world, title="All", blocks=every_input())
    modal = page.get_by_test_id("modal")
    for label, text in {
        "Name": "A name",
        "Goal": "Two\nlines",
        "Budget": "2.50",
        "Mail (optional)": "ana@x.example",
        "Site (optional)": "https://x.example",
        "Day (optional)": "2026-11-22",
        "Time (optional)": "09:30",
    }.items():
        await modal.get_by_label(label).fill(text)
    await modal.get_by_label("Model").select_option(label="Option 2")
    await modal.get_by_role("radio", name="Option 3").check()
    for group in ("Boxes (optional)", "Many (optional)", "People (optional)"):
        await modal.get_by_label(group).get_by_role("checkbox").first.check()
    await modal.get_by_label("Person (optional)").select_option(label="Ben Baker")
    await modal.get_by_label("Channel (optional)").select_option(label="#build")
    await modal.get_by_label("Outside (optional)").fill("fro")
    await modal.get_by_role("option", name="From the app").click()
    await page.get_by_test_id("modal-submit").click()
    await expect(modal).to_be_hidden()

    values = world.ears.last("view_submission")["view"]["state"]["values"]
    said = {
        block: {k: v for k, v in one["a"].items() if k != "type"} for block, one in values.items()
    }
    assert said["name"] == {"value": "A name"}
    assert said["goal"] == {"value": "Two\nlines"}
    assert said["budget"] == {"value": "2.50"}
    assert said["model"]["selected_option"]["value"] == "2"
    assert said["care"]["selected_option"]["value"] == "3"
    assert [one["value"] for one in said["boxes"]["selected_options"]] == ["1"]
    assert [one["value"] for one in said["many"]["selected_options"]] == ["1"]
    assert (said["day"], said["time"]) == (
        {"selected_date": "2026-11-22"},
        {"selected_time": "09:30"},
    )
    assert said["person"] == {"selected_user": "U0BEN"}
    assert len(said["people"]["selected_users"]) == 1
    assert said["channel"] == {"selected_conversation": "C0BUILD"}
    assert said["outside"]["selected_option"]["value"] == "app"


async def test_what_the_app_says_of_a_field_stands_below_it(world: World) -> None:
    page = await opened(world, title="Wrong", blocks=TWO)
    world.ears.answers["view_submission"] = {
        "response_action": "errors",
        "errors": {"goal": "No such goal."},
    }
    await page.get_by_label("Name").fill("a")
    await page.get_by_label("Goal").fill("b")
    await page.get_by_label("Goal").press("Enter")
    await expect(page.get_by_test_id("field-error")).to_have_text("No such goal.")
    await expect(page.get_by_label("Goal")).to_be_focused()
    await expect(page.get_by_label("Goal")).to_have_accessible_description("No such goal.")
    world.ears.answers.clear()
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal")).to_be_hidden()


async def test_a_submitted_modal_waits_for_the_app_and_is_sent_once(world: World) -> None:
    page = await opened(world, title="Slow", blocks=TWO)
    await page.get_by_label("Name").fill("a")
    await page.get_by_label("Goal").fill("b")
    world.ears.may_answer.clear()
    before = len(world.ears.heard)
    await page.get_by_test_id("modal-submit").click()
    await expect(page.get_by_test_id("modal-submit")).to_have_attribute("aria-disabled", "true")
    await page.get_by_test_id("modal-submit").click(force=True)
    world.ears.may_answer.set()
    await expect(page.get_by_test_id("modal")).to_be_hidden()
    kinds = [one.get("type") for one in world.ears.heard[before:]]
    assert kinds.count("view_submission") == 1


async def test_a_view_over_another_leads_back_to_what_was_typed(world: World) -> None:
    page = await opened(world, title="Below", blocks=TWO)
    await page.get_by_label("Name").fill("kept")
    world.show_modal(title="Above", blocks=[section("More about it")], on_top=True)
    heading = page.get_by_test_id("modal").get_by_role("heading")
    await expect(heading).to_have_text("Above")
    await page.get_by_role("button", name="Back to Below").click()
    await expect(heading).to_have_text("Below")
    await expect(page.get_by_label("Name")).to_have_value("kept")
    world.show_modal(title="Above", blocks=[section("Again")], on_top=True)
    await page.get_by_test_id("modal-x").click()
    await expect(page.get_by_test_id("modal")).to_be_hidden()
    assert world.workspace.state.open_views["U0ANA"] == []


async def test_a_loading_modal_gives_the_focus_to_its_first_field_when_it_has_one(
    world: World,
) -> None:
    page = await world.open(BUILD)
    await page.get_by_test_id("channel-composer").focus()
    shown = world.show_modal(title="Wait", blocks=[section("Loading…")])
    await expect(page.get_by_test_id("modal")).to_contain_text("Loading…")
    world.update_modal(shown, title="Ready", blocks=TWO)
    await expect(page.get_by_label("Name")).to_be_focused()
    await page.get_by_test_id("modal-close").click()
    await expect(page.get_by_test_id("channel-composer")).to_be_focused()
