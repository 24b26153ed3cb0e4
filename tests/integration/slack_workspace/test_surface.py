"""People and places beyond the everyday: shortcuts, members, guests, groups, notices, reactions."""

import asyncio

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.errors import Refused
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BEN,
    BUILD,
    QUIET,
    Json,
    connected_app,
    refusal,
    settled,
)

VAULT, TRIO = "C0VAULT", "G0TRIO"
PLAIN: Json = {"type": "plain_text", "text": "Start"}


async def test_a_global_shortcut_opens_a_modal_from_nowhere(ws: Workspace, ana: Person) -> None:
    view = {"type": "modal", "title": PLAIN, "blocks": [{"type": "divider"}]}

    def register(app: AsyncApp) -> None:
        @app.shortcut("start_project")
        async def start(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
            await ack()
            await client.views_open(trigger_id=body["trigger_id"], view=view)

    async with connected_app(ws, register) as bot:
        await ana.use_global_shortcut("start_project")
        await settled(ws)
        (payload,) = bot.interactions("shortcut")
    assert (payload["callback_id"], payload["user"]["id"]) == ("start_project", ANA)
    assert not {"channel", "message", "response_url"} & set(payload)
    assert len(await ana.views()) == 1
    with pytest.raises(Refused, match="no global shortcut 'download_project'"):
        await ana.use_global_shortcut("download_project")


async def test_private_and_group_conversations_are_heard_by_their_own_events(
    ws: Workspace, ana: Person, people: PeopleClient
) -> None:
    async with connected_app(ws) as bot:
        await ana.post(VAULT, "in private")
        await ana.post(TRIO, "@threadwright among us")
        await settled(ws)
        heard = {(one["type"], one["channel"], one.get("channel_type")) for one in bot.events()}
        private = await bot.client.conversations_info(channel=VAULT)
        group = await bot.client.conversations_info(channel=TRIO)
        listed = await bot.client.conversations_list(types="private_channel,mpim")
    assert heard == {
        ("message", VAULT, "group"),
        ("message", TRIO, "mpim"),
        ("app_mention", TRIO, None),
    }
    assert (private["channel"]["is_private"], group["channel"]["is_mpim"]) == (True, True)
    assert [one["id"] for one in listed["channels"]] == [VAULT, TRIO]
    with pytest.raises(Refused, match="gus sees no channel"):
        await people.person("U0GUS").post(VAULT, "let me in")


async def test_admins_and_guests_are_told_by_users_info(
    web: AsyncWebClient, people: PeopleClient
) -> None:
    cleo = (await web.users_info(user="U0CLEO"))["user"]
    gus = (await web.users_info(user="U0GUS"))["user"]
    assert (cleo["is_admin"], cleo["is_restricted"]) == (True, False)
    assert (gus["is_admin"], gus["is_restricted"], gus["team_id"]) == (False, True, "T0LOCAL")
    seen = (await people.person("U0GUS").state())["channels"]
    assert [one["id"] for one in seen] == [BUILD, "D0GUS"]


async def test_a_user_group_has_members_and_is_mentioned_as_a_group(
    web: AsyncWebClient, ana: Person
) -> None:
    (group,) = (await web.usergroups_list(include_users=True))["usergroups"]
    assert (group["handle"], group["users"]) == ("review", [BEN])
    assert (await web.usergroups_users_list(usergroup="S0REVIEW"))["users"] == [BEN]
    unknown = await refusal(web.usergroups_users_list(usergroup="S0NONE"))
    assert unknown["error"] == "no_such_subteam"
    await ana.post(BUILD, "@review please look")
    assert (await ana.messages(BUILD))[-1]["text"] == "<!subteam^S0REVIEW> please look"
    assert (await web.team_info())["team"]["domain"] == "local"


async def test_the_bot_is_invited_by_the_mention_it_did_not_hear(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        ts = await ana.post(QUIET, "@threadwright build it here")
        await settled(ws)
        assert bot.events() == []
        await ana.invite_bot(QUIET, ts)
        await settled(ws)
        joined = {(one["type"], one.get("subtype")) for one in bot.events()}
        (mention,) = bot.events("app_mention")
        await ana.kick_bot(QUIET)
        await settled(ws)
        heard = len(bot.events())
        await ana.post(QUIET, "gone?")
        await settled(ws)
        assert len(bot.events()) == heard
        answer = await refusal(bot.client.chat_postMessage(channel=QUIET, text="hello?"))
    assert joined == {
        ("message", "channel_join"),
        ("member_joined_channel", None),
        ("app_mention", None),
    }
    assert mention["ts"] == ts
    assert answer["error"] == "not_in_channel"


async def test_coming_going_and_topics_leave_notices(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    cleo = people.person("U0CLEO")
    async with connected_app(ws) as bot:
        await cleo.leave(BUILD)
        with pytest.raises(Refused, match="cleo is not a member"):
            await cleo.post(BUILD, "wait")
        await cleo.join(BUILD)
        await ana.set_topic(BUILD, "Builds & tests")
        await settled(ws)
        subtypes = [str(one.get("subtype")) for one in bot.events("message")]
    assert sorted(subtypes) == ["channel_join", "channel_leave", "channel_topic"]
    channels = {one["id"]: one for one in (await ana.state())["channels"]}
    assert channels[BUILD]["topic"] == "Builds & tests"


async def test_slackbot_speaks_without_a_subtype_or_a_bot_id(
    ws: Workspace, people: PeopleClient, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        root = await ana.post(BUILD, "hello")
        await people.slackbot_says(BUILD, "Somebody is away", root)
        await settled(ws)
        event = bot.events("message")[-1]
    assert (event["user"], event["thread_ts"]) == ("USLACKBOT", root)
    assert not {"subtype", "bot_id"} & set(event)


async def test_a_reply_may_also_stand_in_the_channel(ws: Workspace, ana: Person) -> None:
    async with connected_app(ws) as bot:
        root = await ana.post(BUILD, "hello")
        await ana.post(BUILD, "for all", root, broadcast=True)
        await settled(ws)
        assert bot.events("message")[-1]["subtype"] == "thread_broadcast"
    assert [one["text"] for one in await ana.messages(BUILD)] == ["hello", "for all"]
    with pytest.raises(Refused, match="Only a reply"):
        await ana.post(BUILD, "alone", broadcast=True)


async def test_reactions_of_people_are_shown_and_told(
    ws: Workspace, ana: Person, ben: Person
) -> None:
    async with connected_app(ws) as bot, ben.news() as news:
        ts = await ana.post(BUILD, "stop?")
        await ana.react(BUILD, ts, "octagonal_sign")
        await ana.unreact(BUILD, ts, "octagonal_sign")
        await settled(ws)
        told = [await asyncio.wait_for(anext(news), 60) for _ in range(3)]
        events = {one["type"]: one for one in bot.events() if "reaction" in one}
    assert [one["type"] for one in told] == ["message", "reaction", "reaction"]
    assert set(events) == {"reaction_added", "reaction_removed"}
    added = events["reaction_added"]
    assert (added["user"], added["reaction"]) == (ANA, "octagonal_sign")
    assert added["item"] == {"type": "message", "channel": BUILD, "ts": ts}
    with pytest.raises(Refused, match="has not put"):
        await ben.unreact(BUILD, ts, "octagonal_sign")
