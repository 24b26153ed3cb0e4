"""The local API of pages, scripts and tests: what people see, and one clear sentence otherwise."""

import asyncio

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.errors import Refused
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import ANA, BUILD, GENERAL, QUIET, Json


async def test_the_state_shows_what_this_person_sees(people: PeopleClient, ana: Person) -> None:
    seen = await ana.state()
    outside = await people.person("U0OTTO").state()
    assert (seen["team"], seen["me"]) == ({"id": "T0LOCAL", "name": "Local"}, ANA)
    assert seen["bot"] == {"user_id": "U0BOT", "name": "threadwright"}
    assert [one["id"] for one in seen["channels"]] == [
        GENERAL,
        BUILD,
        QUIET,
        "C0VAULT",
        "G0TRIO",
        "D0ANA",
    ]
    assert [one["id"] for one in outside["channels"]] == [GENERAL]
    assert seen["commands"] == [
        {"command": "/threadwright", "description": "Help", "usage_hint": ""}
    ]
    assert seen["shortcuts"] == [{"callback_id": "download_project", "name": "Download project"}]
    assert seen["global_shortcuts"] == [{"callback_id": "start_project", "name": "Start a project"}]
    assert outside["commands"] == outside["shortcuts"] == outside["global_shortcuts"] == []
    assert {
        "id": "U0OTTO",
        "name": "otto",
        "real_name": "Otto",
        "is_bot": False,
        "outsider": True,
        "is_admin": False,
        "is_guest": False,
        "team_id": "T0OTHER",
    } in seen["users"]
    review = {"id": "S0REVIEW", "handle": "review", "name": "Reviewers", "users": ["U0BEN"]}
    assert seen["groups"] == [review]
    assert seen["install"]["kind"] == "team"


async def test_a_message_has_all_the_page_needs(ana: Person, ben: Person) -> None:
    root = await ana.post(BUILD, "root")
    reply = await ben.post(BUILD, "reply", thread_ts=root)
    (shown,) = await ana.messages(BUILD)
    assert shown["files"] == shown["reactions"] == []
    assert (shown["reply_count"], shown["latest_reply"], shown["ephemeral"]) == (1, reply, False)
    _, answer = await ana.messages(BUILD, root)
    assert (answer["thread_ts"], answer["user"]) == (root, "U0BEN")


async def test_a_reply_to_a_reply_goes_to_the_same_thread(ana: Person) -> None:
    root = await ana.post(BUILD, "root")
    reply = await ana.post(BUILD, "reply", thread_ts=root)
    await ana.post(BUILD, "deeper", thread_ts=reply)
    assert [one["text"] for one in await ana.messages(BUILD, root)] == ["root", "reply", "deeper"]


async def test_news_reach_those_who_see_the_channel_as_it_happens(
    web: AsyncWebClient, people: PeopleClient, ana: Person, ben: Person
) -> None:
    async with ana.news() as news, people.person("U0OTTO").news() as outside:
        ts = await ben.post(BUILD, "build it")
        await web.reactions_add(channel=BUILD, timestamp=ts, name="eyes")
        posted = await web.chat_postMessage(channel=BUILD, thread_ts=ts, text="On it")
        await web.chat_update(channel=BUILD, ts=posted["ts"], text="Working")
        await web.chat_delete(channel=BUILD, ts=posted["ts"])
        await ben.post(GENERAL, "hello all")
        heard = [await asyncio.wait_for(anext(news), 60) for _ in range(7)]
        first_outside = await asyncio.wait_for(anext(outside), 60)
    assert [(one["type"], one["channel"]) for one in heard] == [
        ("message", BUILD),
        ("reaction", BUILD),
        ("message", BUILD),
        ("changed", BUILD),  # the root counts its replies
        ("changed", BUILD),
        ("deleted", BUILD),
        ("message", GENERAL),
    ]
    assert (heard[2]["thread_ts"], heard[2]["message"]["text"]) == (ts, "On it")
    assert first_outside["channel"] == GENERAL


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("message", {"user": "U0NOBODY", "channel": BUILD, "text": "x"}, "There is no person"),
        ("message", {"user": "U0BOT", "channel": BUILD, "text": "x"}, "There is no person"),
        ("message", {"user": ANA, "channel": BUILD, "text": " "}, "needs text or a file"),
        ("message", {"user": ANA, "channel": "D0BEN", "text": "x"}, "ana sees no channel"),
        ("message", {"user": ANA, "text": "x"}, "channel: Field required"),
        ("message", {"user": ANA, "channel": BUILD, "txt": "x"}, "txt: Extra inputs"),
        (
            "message",
            {"user": ANA, "channel": BUILD, "text": "x", "thread_ts": "1"},
            "There is no message '1'",
        ),
        (
            "message",
            {"user": ANA, "channel": BUILD, "files": [{"name": "a", "content_base64": "?"}]},
            "not valid base64",
        ),
        ("click", {"user": ANA, "action_id": "x"}, "needs channel and ts"),
        ("submit", {"user": ANA, "view_id": "V0"}, "no view 'V0' open"),
        ("shout", {"user": ANA}, "no gesture here but message, edit"),
        ("faults", {"kind": "flood"}, "kind: Input should be"),
    ],
)
async def test_a_wrong_request_is_answered_in_one_sentence(
    ws: Workspace, http: aiohttp.ClientSession, path: str, body: Json, reason: str
) -> None:
    async with http.post(f"{ws.base_url}/local/{path}", json=body) as response:
        assert response.status == 400
        answer = await response.json()
    assert answer["ok"] is False
    assert reason in answer["error"]


async def test_nobody_edits_the_words_of_another(ana: Person, ben: Person) -> None:
    ts = await ana.post(BUILD, "mine")
    with pytest.raises(Refused, match="only change messages of their own"):
        await ben.edit(BUILD, ts, "yours")
    with pytest.raises(Refused, match="only change messages of their own"):
        await ben.delete(BUILD, ts)


async def test_an_outsider_cannot_join_a_conversation_they_are_not_in(
    people: PeopleClient,
) -> None:
    with pytest.raises(Refused, match="otto sees no channel"):
        await people.person("U0OTTO").post(BUILD, "let me in")
