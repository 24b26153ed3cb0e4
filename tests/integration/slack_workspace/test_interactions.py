"""Clicks, commands, shortcuts and response URLs, handled by a real Bolt app."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.errors import Refused
from local.slack.limits import Limits
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    DM_ANA,
    GENERAL,
    QUIET,
    Json,
    connected_app,
    manifest,
    settled,
    write_manifest,
)
from tests.integration.slack_workspace.test_chat import button

MENU: Json = {
    "type": "static_select",
    "action_id": "pick",
    "options": [
        {"text": {"type": "plain_text", "text": "One"}, "value": "1"},
        {"text": {"type": "plain_text", "text": "Two"}, "value": "2"},
    ],
}
FEEDBACK = {
    "type": "feedback_buttons",
    "action_id": "feedback",
    "positive_button": {"text": {"type": "plain_text", "text": "Good"}, "value": "good"},
    "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "bad"},
}
APPROVAL: list[Json] = [
    {"type": "actions", "block_id": "ask", "elements": [button("approve", "key"), button("deny")]},
    {"type": "section", "text": {"type": "mrkdwn", "text": "Which?"}, "accessory": MENU},
    {"type": "context_actions", "elements": [FEEDBACK]},
]


def acknowledging(app: AsyncApp) -> None:
    """Takes every click and answers nothing."""

    async def take(ack: AsyncAck) -> None:
        await ack()

    for action_id in ("approve", "deny", "pick", "feedback"):
        app.action(action_id)(take)


async def posted(web: AsyncWebClient, thread_ts: str | None = None) -> str:
    answer = await web.chat_postMessage(
        channel=BUILD, text="May I?", blocks=APPROVAL, thread_ts=thread_ts
    )
    return str(answer["ts"])


async def test_a_click_tells_who_where_what_and_gives_a_way_to_answer(
    ws: Workspace, web: AsyncWebClient, ana: Person, ben: Person
) -> None:
    root = await ana.post(BUILD, "build it")
    ts = await posted(web, root)
    async with connected_app(ws, acknowledging) as bot:
        await ben.click(BUILD, ts, "approve")
        await settled(ws)
        (click,) = bot.interactions("block_actions")
    assert (click["user"]["id"], click["team"]["id"]) == ("U0BEN", "T0LOCAL")
    assert click["channel"] == {"id": BUILD, "name": "build"}
    assert click["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": BUILD,
        "is_ephemeral": False,
        "thread_ts": root,
    }
    assert (click["message"]["ts"], click["message"]["thread_ts"]) == (ts, root)
    (action,) = click["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("approve", "ask", "key")
    assert click["trigger_id"]
    assert click["response_url"].startswith(ws.base_url)


async def test_choices_and_feedback_arrive_as_slack_words_them(
    ws: Workspace, web: AsyncWebClient, ana: Person
) -> None:
    ts = await posted(web)
    async with connected_app(ws, acknowledging) as bot:
        await ana.click(BUILD, ts, "pick", selected_option="2")
        await ana.click(BUILD, ts, "feedback", value="bad")
        await settled(ws)
        actions = [one["actions"][0] for one in bot.interactions("block_actions")]
    assert actions[0]["selected_option"] == MENU["options"][1]
    assert (actions[1]["type"], actions[1]["value"]) == ("feedback_buttons", "bad")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"action_id": "launch"}, "no element with the action_id 'launch'"),
        ({"action_id": "approve", "value": "forged"}, "has the value 'key'"),
        ({"action_id": "pick", "selected_option": "3"}, "'3' is not an option"),
        ({"action_id": "feedback", "value": "so-so"}, "one of the values 'good' and 'bad'"),
    ],
)
async def test_a_click_that_no_screen_offers_is_refused(
    ws: Workspace, web: AsyncWebClient, ana: Person, arguments: Json, reason: str
) -> None:
    ts = await posted(web)
    with pytest.raises(Refused, match=reason):
        await ana.click(BUILD, ts, **arguments)


async def test_a_stranger_cannot_click_in_a_channel_they_do_not_see(
    web: AsyncWebClient, people: PeopleClient
) -> None:
    ts = await posted(web)
    with pytest.raises(Refused, match="otto sees no channel"):
        await people.person("U0OTTO").click(BUILD, ts, "approve")


async def test_an_unanswered_click_is_shown_to_the_person_who_made_it(
    ws: Workspace, web: AsyncWebClient, ana: Person
) -> None:
    ts = await posted(web)
    async with ana.news() as news:
        await ana.click(BUILD, ts, "approve")
        toast = await asyncio.wait_for(anext(news), 60)
    assert toast == {"type": "toast", "text": "The app is not connected. Start it and try again."}


async def test_a_response_url_answers_the_clicker_alone_five_times(
    ws: Workspace, web: AsyncWebClient, ana: Person, ben: Person, http: aiohttp.ClientSession
) -> None:
    ts = await posted(web)
    async with connected_app(ws, acknowledging) as bot:
        await ana.click(BUILD, ts, "approve")
        await settled(ws)
        url = bot.interactions("block_actions")[0]["response_url"]
    for _ in range(5):
        async with http.post(url, json={"text": "Noted"}) as response:
            assert (response.status, await response.text()) == (200, "ok")
    async with http.post(url, json={"text": "Again"}) as response:
        assert (response.status, (await response.json())["error"]) == (404, "used_url")
    assert [one["text"] for one in await ana.messages(BUILD)] == ["May I?", *["Noted"] * 5]
    assert [one["text"] for one in await ben.messages(BUILD)] == ["May I?"]


async def test_bolt_replaces_and_deletes_the_message_that_was_clicked(
    ws: Workspace, web: AsyncWebClient, ana: Person
) -> None:
    def register(app: AsyncApp) -> None:
        @app.action("approve")
        async def approve(ack: AsyncAck, respond: AsyncRespond) -> None:
            await ack()
            await respond(text="Approved", replace_original=True)

        @app.action("deny")
        async def deny(ack: AsyncAck, respond: AsyncRespond) -> None:
            await ack()
            await respond(text="", delete_original=True)

    first, second = await posted(web), await posted(web)
    async with connected_app(ws, register):
        await ana.click(BUILD, first, "approve")
        await ana.click(BUILD, second, "deny")
        await settled(ws)
        shown = await ana.messages(BUILD)
    assert [(one["ts"], one["text"], one.get("blocks")) for one in shown] == [
        (first, "Approved", None)
    ]


async def test_an_ephemeral_message_can_be_clicked_and_replaced_by_its_reader(
    ws: Workspace, web: AsyncWebClient, ana: Person
) -> None:
    def register(app: AsyncApp) -> None:
        @app.action("approve")
        async def approve(ack: AsyncAck, respond: AsyncRespond) -> None:
            await ack()
            await respond(text="Approved", replace_original=True)

    await web.chat_postEphemeral(channel=BUILD, user=ANA, text="May I?", blocks=APPROVAL)
    (shown,) = await ana.messages(BUILD)
    async with connected_app(ws, register) as bot:
        await ana.click(BUILD, shown["ts"], "approve")
        await settled(ws)
        (click,) = bot.interactions("block_actions")
    assert click["container"]["is_ephemeral"] is True
    assert "message" not in click
    assert [one["text"] for one in await ana.messages(BUILD)] == ["Approved"]


async def test_a_response_url_expires(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    limits = Limits(response_url_seconds=-1)
    path = write_manifest(tmp_path, manifest())
    async with running_workspace(manifest=path, limits=limits) as ws:
        web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url, session=http)
        ts = await posted(web)
        async with PeopleClient(ws.base_url) as people, connected_app(ws, acknowledging) as bot:
            await people.person(ANA).click(BUILD, ts, "approve")
            await settled(ws)
            url = bot.interactions("block_actions")[0]["response_url"]
        async with http.post(url, json={"text": "late"}) as response:
            assert (response.status, (await response.json())["error"]) == (404, "expired_url")


async def test_a_command_carries_no_thread_and_its_ack_answers_the_caller_alone(
    ws: Workspace, ana: Person, ben: Person
) -> None:
    bodies: list[Json] = []

    def register(app: AsyncApp) -> None:
        @app.command("/threadwright")
        async def command(ack: AsyncAck, body: Json, respond: AsyncRespond) -> None:
            bodies.append(body)
            await ack("Here is help")
            await respond(text="For everybody", response_type="in_channel")

    async with connected_app(ws, register):
        await ana.command(BUILD, "/threadwright", " status ")
        await settled(ws)
    (body,) = bodies
    assert (body["command"], body["text"], body["channel_id"]) == ("/threadwright", "status", BUILD)
    assert "thread_ts" not in body
    assert sorted(one["text"] for one in await ana.messages(BUILD)) == [
        "For everybody",
        "Here is help",
    ]
    assert [one["text"] for one in await ben.messages(BUILD)] == ["For everybody"]


@pytest.mark.parametrize(
    ("person", "arguments", "reason"),
    [
        (ANA, {"command": "/threadwright", "in_thread": True}, "not supported in threads"),
        (ANA, {"command": "/other"}, "/other is not a valid command"),
        ("U0OTTO", {"command": "/threadwright"}, "not a valid command"),
    ],
)
async def test_a_command_slack_does_not_know_here_is_refused(
    people: PeopleClient, person: str, arguments: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Refused, match=reason):
        await people.person(person).command(GENERAL, **arguments)


async def test_a_shortcut_works_on_any_message_also_where_the_bot_is_not(
    ws: Workspace, ana: Person
) -> None:
    def register(app: AsyncApp) -> None:
        @app.shortcut("download_project")
        async def shortcut(ack: AsyncAck) -> None:
            await ack()

    root = await ana.post(QUIET, "root")
    ts = await ana.post(QUIET, "the project is above", thread_ts=root)
    async with connected_app(ws, register) as bot:
        await ana.shortcut(QUIET, ts, "download_project")
        await settled(ws)
        (payload,) = bot.interactions("message_action")
    assert payload["callback_id"] == "download_project"
    assert (payload["message_ts"], payload["message"]["thread_ts"]) == (ts, root)
    assert (payload["channel"]["id"], payload["user"]["id"]) == (QUIET, ANA)
    with pytest.raises(Refused, match="no message shortcut 'delete_all'"):
        await ana.shortcut(QUIET, ts, "delete_all")


async def test_without_interactivity_in_the_manifest_nothing_can_be_clicked(
    tmp_path: Path,
) -> None:
    content = manifest()
    content["settings"]["interactivity"]["is_enabled"] = False
    async with running_workspace(manifest=write_manifest(tmp_path, content)) as ws:
        web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
        ts = await posted(web)
        async with PeopleClient(ws.base_url) as people:
            with pytest.raises(Refused, match=r"needs settings\.interactivity\.is_enabled"):
                await people.person(ANA).click(BUILD, ts, "approve")


async def test_people_cannot_write_to_an_app_whose_messages_tab_is_read_only(
    tmp_path: Path,
) -> None:
    content = manifest()
    content["features"]["app_home"]["messages_tab_read_only_enabled"] = True
    path = write_manifest(tmp_path, content)
    async with running_workspace(manifest=path) as ws, PeopleClient(ws.base_url) as people:
        with pytest.raises(Refused, match="turned off"):
            await people.person(ANA).post(DM_ANA, "hello")
