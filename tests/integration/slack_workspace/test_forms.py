"""Fields of modals and menus of messages: what Slack checks, keeps and tells of them."""

from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import Person
from local.slack.errors import Refused
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    Json,
    connected_app,
    refusal,
    settled,
)
from tests.integration.slack_workspace.test_interactions import acknowledging
from tests.integration.slack_workspace.test_views import Picker, opened, picker, plain

SIZES = [{"text": plain(one), "value": one} for one in ("small", "large")]
FIELDS: list[tuple[str, Json]] = [
    ("budget", {"type": "number_input", "is_decimal_allowed": False, "min_value": "1"}),
    ("name", {"type": "plain_text_input", "min_length": 3, "max_length": 8}),
    ("link", {"type": "url_text_input"}),
    ("mail", {"type": "email_text_input"}),
    ("size", {"type": "radio_buttons", "options": SIZES, "initial_option": SIZES[0]}),
    ("more", {"type": "checkboxes", "options": SIZES}),
    ("many", {"type": "multi_static_select", "options": SIZES, "max_selected_items": 1}),
]


def form() -> Json:
    return picker(
        blocks=[
            {
                "type": "input",
                "block_id": name,
                "label": plain(name),
                "element": {**element, "action_id": "x"},
                "optional": True,
            }
            for name, element in FIELDS
        ]
    )


@pytest.mark.parametrize(
    ("block", "given", "problem"),
    [
        ("budget", "a lot", "Please enter a valid number."),
        ("budget", "2.5", "Please enter a whole number."),
        ("budget", "0", "Please enter a number of 1 or more."),
        ("name", "ab", "Please enter at least 3 characters."),
        ("name", "much too long", "Please enter at most 8 characters."),
        ("link", "example", "Please enter a valid URL."),
        ("mail", "ana", "Please enter a valid email address."),
        ("many", ["small", "large"], "Please choose at most 1."),
    ],
)
async def test_a_value_slacks_client_refuses_never_reaches_the_app(
    ws: Workspace, ana: Person, block: str, given: Any, problem: str
) -> None:
    app = Picker(form())
    async with connected_app(ws, app):
        view = await opened(ws, ana)
        assert await ana.submit(view["id"], {block: {"x": given}}) == {block: problem}
    assert app.submitted == []


async def test_a_submission_tells_every_field_also_those_left_as_they_were(
    ws: Workspace, ana: Person
) -> None:
    app = Picker(form())
    async with connected_app(ws, app):
        view = await opened(ws, ana)
        values: Json = {"budget": {"x": "5"}, "more": {"x": ["large"]}}
        assert await ana.submit(view["id"], values) == {}
    told = {block: one["x"] for block, one in app.submitted[0]["state"]["values"].items()}
    assert told["budget"] == {"type": "number_input", "value": "5"}
    assert told["size"]["selected_option"] == SIZES[0]
    assert told["more"]["selected_options"] == [SIZES[1]]
    assert told["many"]["selected_options"] == []
    assert told["name"] == {"type": "plain_text_input", "value": None}


async def test_errors_belong_to_inputs(ws: Workspace, ana: Person) -> None:
    app = Picker(form(), response_action="errors", errors={"nowhere": "Wrong"})
    async with connected_app(ws, app):
        view = await opened(ws, ana)
        with pytest.raises(Refused, match="errors for no field"):
            await ana.submit(view["id"])


async def test_an_update_keeps_what_was_filled_in_where_the_ids_stay(
    ws: Workspace, ana: Person, web: AsyncWebClient
) -> None:
    view = form()
    view["external_id"] = "settings-ana"
    for block in view["blocks"]:
        block["dispatch_action"] = block["block_id"] == "size"
    async with connected_app(ws, Picker(view)) as bot:
        bot.app.action("x")(_nothing)
        shown = await opened(ws, ana)
        await ana.click_in_view(shown["id"], "x", block_id="size", value="large")
        await settled(ws)
        (click,) = bot.interactions("block_actions")
        kept = [one for one in view["blocks"] if one["block_id"] != "more"]
        stale = await refusal(
            web.views_update(external_id="settings-ana", hash="1.2", view={**view, "blocks": kept})
        )
        updated = await web.views_update(
            external_id="settings-ana", hash=shown["hash"], view={**view, "blocks": kept}
        )
    assert stale["error"] == "hash_conflict"
    assert click["view"]["state"]["values"]["size"]["x"]["selected_option"] == SIZES[1]
    values = updated["view"]["state"]["values"]
    assert values["size"]["x"]["selected_option"] == SIZES[1]
    assert "more" not in values


async def _nothing(ack: Any) -> None:
    await ack()


async def test_a_message_remembers_for_each_person_what_they_chose(
    ws: Workspace, web: AsyncWebClient, ana: Person, ben: Person
) -> None:
    menu = {"type": "static_select", "action_id": "pick", "options": SIZES}
    button = {"type": "button", "action_id": "approve", "text": plain("Go")}
    blocks = [{"type": "actions", "block_id": "ask", "elements": [menu, button]}]
    ts = (await web.chat_postMessage(channel=BUILD, text="?", blocks=blocks))["ts"]
    async with connected_app(ws, acknowledging) as bot:
        await ana.click(BUILD, ts, "pick", selected_option="large")
        await ana.click(BUILD, ts, "approve")
        await ben.click(BUILD, ts, "approve")
        await settled(ws)
        clicks = bot.interactions("block_actions")
    chosen = {
        one["user"]["id"]: one["state"]["values"]["ask"]["pick"]["selected_option"]
        for one in clicks
        if one["actions"][0]["action_id"] == "approve"
    }
    assert chosen == {ANA: SIZES[1], "U0BEN": None}


async def test_the_home_has_buttons_and_an_overflow_menu(
    ws: Workspace, web: AsyncWebClient, ana: Person
) -> None:
    overflow = {"type": "overflow", "action_id": "session", "options": SIZES}
    line = {"type": "section", "text": plain("A session"), "accessory": overflow}
    button = {"type": "button", "action_id": "settings", "text": plain("Settings")}
    blocks = [line, {"type": "actions", "elements": [button]}]
    home = await web.views_publish(user_id=ANA, view={"type": "home", "blocks": blocks})

    def register(app: AsyncApp) -> None:
        app.action("session")(_nothing)
        app.action("settings")(_nothing)

    async with connected_app(ws, register) as bot:
        await ana.click_in_view(home["view"]["id"], "session", selected_option="large")
        await ana.click_in_view(home["view"]["id"], "settings")
        await settled(ws)
        clicks = {one["actions"][0]["action_id"]: one for one in bot.interactions("block_actions")}
    chosen = clicks["session"]["actions"][0]
    assert (chosen["type"], chosen["selected_option"]) == ("overflow", SIZES[1])
    assert clicks["settings"]["container"] == {"type": "view", "view_id": home["view"]["id"]}
    assert clicks["settings"]["view"]["state"]["values"] == {}
