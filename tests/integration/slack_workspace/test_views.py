"""Modals and the home: opened by a gesture, filled in by a person, answered by a real Bolt app."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.errors import Refused
from local.slack.limits import Limits
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    ConnectedApp,
    Json,
    connected_app,
    manifest,
    refusal,
    settled,
    write_manifest,
)
from tests.polling import until


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def picker(**changed: Any) -> Json:
    options = [{"text": plain(name), "value": name} for name in ("one", "two")]
    select = {"type": "static_select", "action_id": "session", "options": options}
    field = {"type": "input", "block_id": "which", "label": plain("Session"), "element": select}
    note = {"type": "plain_text_input", "action_id": "text"}
    return {
        "type": "modal",
        "callback_id": "pick",
        "title": plain("Download"),
        "submit": plain("Download"),
        "private_metadata": "C0BUILD",
        "blocks": [
            field,
            {
                "type": "input",
                "block_id": "note",
                "label": plain("Note"),
                "element": note,
                "optional": True,
            },
        ],
        **changed,
    }


LOADING: Json = {
    "type": "modal",
    "callback_id": "pick",
    "title": plain("Download"),
    "blocks": [{"type": "section", "text": plain("Loading…")}],
}


class Picker:
    """A Bolt app that opens a picker on the command and answers its submission as told."""

    def __init__(self, view: Json, /, **ack: Any) -> None:
        self.view = view
        self.ack = ack
        self.submitted: list[Json] = []
        self.trigger = ""

    def __call__(self, app: AsyncApp) -> None:
        @app.command("/threadwright")
        async def command(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
            await ack()
            self.trigger = body["trigger_id"]
            await client.views_open(trigger_id=self.trigger, view=self.view)

        @app.view("pick")
        async def submit(ack: AsyncAck, view: Json) -> None:
            self.submitted.append(view)
            await ack(**self.ack)

        @app.view_closed("pick")
        async def closed(ack: AsyncAck, view: Json) -> None:
            self.submitted.append(view)
            await ack()


async def opened(ws: Workspace, ana: Person) -> Json:
    """The modal that the command brings."""
    await ana.command(BUILD, "/threadwright")
    await settled(ws)
    (view,) = await ana.views()
    return view


async def test_a_command_opens_a_modal_and_its_submission_carries_the_values(
    ws: Workspace, ana: Person, ben: Person
) -> None:
    app = Picker(picker())
    async with connected_app(ws, app):
        view = await opened(ws, ana)
        assert await ben.views() == []
        errors = await ana.submit(view["id"], {"which": {"session": {"selected_option": "two"}}})
    assert errors == {}
    assert await ana.views() == []
    (submitted,) = app.submitted
    assert submitted["private_metadata"] == "C0BUILD"
    assert submitted["state"]["values"] == {
        "which": {
            "session": {
                "type": "static_select",
                "selected_option": {"text": plain("two"), "value": "two"},
            }
        },
        "note": {"text": {"type": "plain_text_input", "value": None}},
    }


async def test_a_required_field_left_empty_never_reaches_the_app(
    ws: Workspace, ana: Person
) -> None:
    app = Picker(picker())
    async with connected_app(ws, app):
        view = await opened(ws, ana)
        errors = await ana.submit(view["id"])
        assert errors == {"which": "Please complete this required field."}
    assert app.submitted == []
    assert len(await ana.views()) == 1


async def test_errors_of_the_app_are_shown_and_keep_the_modal_open(
    ws: Workspace, ana: Person
) -> None:
    app = Picker(picker(), response_action="errors", errors={"which": "It has expired"})
    async with connected_app(ws, app):
        view = await opened(ws, ana)
        errors = await ana.submit(view["id"], {"which": {"session": "one"}})
    assert errors == {"which": "It has expired"}
    assert [one["id"] for one in await ana.views()] == [view["id"]]


async def test_the_app_may_answer_with_another_view_or_clear_them_all(
    ws: Workspace, ana: Person
) -> None:
    app = Picker(picker(), response_action="push", view=picker(title=plain("Sure?")))
    async with connected_app(ws, app):
        first = await opened(ws, ana)
        await ana.submit(first["id"], {"which": {"session": "one"}})
        below, top = await ana.views()
        assert (below["id"], top["title"]["text"]) == (first["id"], "Sure?")
        assert (top["root_view_id"], top["previous_view_id"]) == (first["id"], first["id"])
        with pytest.raises(Refused, match="Another modal is open over this one"):
            await ana.submit(first["id"], {"which": {"session": "one"}})
        app.ack = {"response_action": "update", "view": LOADING}
        await ana.submit(top["id"], {"which": {"session": "one"}})
        assert [one["blocks"][0]["type"] for one in await ana.views()] == ["input", "section"]
        await ana.close_view(top["id"])
        app.ack = {"response_action": "clear"}
        await ana.submit(first["id"], {"which": {"session": "one"}})
    assert await ana.views() == []


async def test_a_view_slack_would_refuse_is_refused_as_an_answer_too(
    ws: Workspace, ana: Person
) -> None:
    bad = picker(title=plain("x" * 25))
    async with connected_app(ws, Picker(picker(), response_action="update", view=bad)):
        view = await opened(ws, ana)
        with pytest.raises(Refused, match="must be less than 25 characters"):
            await ana.submit(view["id"], {"which": {"session": "one"}})


async def test_closing_is_told_to_the_app_only_when_it_asked(ws: Workspace, ana: Person) -> None:
    app = Picker(picker())
    async with connected_app(ws, app) as bot:
        await ana.close_view((await opened(ws, ana))["id"])
        app.view = picker(notify_on_close=True)
        await ana.close_view((await opened(ws, ana))["id"])
        await settled(ws)
        (closed,) = bot.interactions("view_closed")
    assert closed["is_cleared"] is False
    assert await ana.views() == []


async def test_a_loading_modal_is_updated_by_its_id_and_guarded_by_its_hash(
    ws: Workspace, ana: Person, web: AsyncWebClient
) -> None:
    async with connected_app(ws, Picker(LOADING)):
        view = await opened(ws, ana)
        updated = await web.views_update(view_id=view["id"], hash=view["hash"], view=picker())
        late = await refusal(web.views_update(view_id=view["id"], hash=view["hash"], view=LOADING))
    assert updated["view"]["blocks"][0]["type"] == "input"
    assert late["error"] == "hash_conflict"
    assert (await ana.views())[0]["submit"]["text"] == "Download"
    await ana.close_view(view["id"])
    gone = await refusal(web.views_update(view_id=view["id"], view=LOADING))
    assert gone["error"] == "not_found"


async def test_a_trigger_opens_one_modal(ws: Workspace, ana: Person, web: AsyncWebClient) -> None:
    app = Picker(LOADING)
    async with connected_app(ws, app):
        await opened(ws, ana)
    again = await refusal(web.views_open(trigger_id=app.trigger, view=LOADING))
    never = await refusal(web.views_open(trigger_id="1.2.3", view=LOADING))
    assert again["error"] == "exchanged_trigger_id"
    assert never["error"] == "invalid_trigger_id"


async def test_a_trigger_is_good_for_a_short_while(tmp_path: Path) -> None:
    bodies: asyncio.Queue[Json] = asyncio.Queue()

    def register(app: AsyncApp) -> None:
        @app.command("/threadwright")
        async def command(ack: AsyncAck, body: Json) -> None:
            await ack()
            bodies.put_nowait(body)

    path = write_manifest(tmp_path, manifest())
    limits = Limits(trigger_seconds=-1)
    async with (
        running_workspace(manifest=path, limits=limits) as ws,
        PeopleClient(ws.base_url) as people,
        connected_app(ws, register) as bot,
    ):
        await people.person(ANA).command(BUILD, "/threadwright")
        trigger_id = (await asyncio.wait_for(bodies.get(), 60))["trigger_id"]
        answer = await refusal(bot.client.views_open(trigger_id=trigger_id, view=LOADING))
    assert answer["error"] == "expired_trigger_id"


async def test_a_view_with_a_mistake_is_refused_with_its_place(web: AsyncWebClient) -> None:
    wrong = {"type": "modal", "blocks": [{"type": "divider"}]}
    answer = await refusal(web.views_open(trigger_id="1.2.3", view=wrong))
    assert answer["error"] == "invalid_arguments"
    assert answer["response_metadata"]["messages"] == [
        "[ERROR] missing required field: title [json-pointer:/view]"
    ]


async def test_a_button_in_a_modal_can_push_another_three_deep(ws: Workspace, ana: Person) -> None:
    go = {"type": "button", "action_id": "more", "text": plain("More")}
    view = {**LOADING, "blocks": [{"type": "actions", "elements": [go]}]}
    refused: list[str] = []

    def register(app: AsyncApp) -> None:
        Picker(view)(app)

        @app.action("more")
        async def more(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
            await ack()
            try:
                await client.views_push(trigger_id=body["trigger_id"], view=view)
            except SlackApiError as error:
                refused.append(str(error.response["error"]))

    async with connected_app(ws, register) as bot:
        await opened(ws, ana)
        for depth in (1, 2, 3):
            views = await ana.views()
            assert len(views) == depth
            await ana.click_in_view(views[-1]["id"], "more")
            await settled(ws)
        clicks = bot.interactions("block_actions")
    assert len(await ana.views()) == 3
    assert refused == ["push_limit_reached"]
    assert clicks[0]["container"]["type"] == "view"
    assert "response_url" not in clicks[0]


async def test_the_home_is_published_for_one_person(
    ws: Workspace, web: AsyncWebClient, ana: Person, ben: Person
) -> None:
    home = {"type": "home", "blocks": [{"type": "header", "text": plain("Your sessions")}]}
    async with ana.news() as news:
        published = await web.views_publish(user_id=ANA, view=home)
        told = await asyncio.wait_for(anext(news), 60)
    assert told["type"] == "home"
    assert (await ana.state())["home"]["id"] == published["view"]["id"]
    assert (await ben.state())["home"] is None
    wrong = await refusal(web.views_publish(user_id=ANA, view=LOADING))
    assert wrong["error"] == "invalid_arguments"


async def test_an_app_that_dies_with_a_form_open_leaves_it_open(ws: Workspace, ana: Person) -> None:
    app = Picker(picker())
    async with connected_app(ws, app) as bot:
        view = await opened(ws, ana)
        await _disconnect(ws, bot)
        with pytest.raises(Refused, match="not connected"):
            await ana.submit(view["id"], {"which": {"session": "one"}})
    assert len(await ana.views()) == 1


async def _disconnect(ws: Workspace, bot: ConnectedApp) -> None:
    await bot.handler.close_async()  # type: ignore[no-untyped-call]
    await until(lambda: len(ws.sockets) == 0)
