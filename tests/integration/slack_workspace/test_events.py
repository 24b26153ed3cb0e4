"""What a real Bolt app hears over Socket Mode when people and the bot itself speak."""

from pathlib import Path

from slack_bolt.async_app import AsyncApp, AsyncSay

from local.slack.client import PeopleClient, Person
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BOT,
    BUILD,
    DM_ANA,
    GENERAL,
    QUIET,
    Json,
    connected_app,
    manifest,
    settled,
    without_event,
    without_scope,
    write_manifest,
)
from tests.polling import until


async def test_a_mention_arrives_twice_with_one_identity_and_two_event_ids(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        ts = await ana.post(BUILD, "@threadwright build a URL shortener")
        await settled(ws)
        mention, message = bot.events("app_mention") + bot.events("message")
        outer = [e["payload"]["event_id"] for e in bot.envelopes]
    assert len(set(outer)) == 2
    assert mention["ts"] == message["ts"] == ts
    assert mention["client_msg_id"] == message["client_msg_id"]
    assert mention["text"] == f"<@{BOT}> build a URL shortener"
    assert "channel_type" not in mention
    assert message["channel_type"] == "channel"
    assert message["channel"] == BUILD


async def test_both_orders_of_the_two_deliveries_happen(ws: Workspace, ana: Person) -> None:
    async with connected_app(ws) as bot:
        for _ in range(2):
            await ana.post(BUILD, "@threadwright hello")
            await settled(ws)
        kinds = [one["type"] for one in bot.events()]
    assert sorted([kinds[:2], kinds[2:]]) == [
        ["app_mention", "message"],
        ["message", "app_mention"],
    ]


async def test_a_real_bolt_listener_answers_a_mention_in_its_thread(
    ws: Workspace, ana: Person
) -> None:
    def register(app: AsyncApp) -> None:
        @app.event("app_mention")
        async def on_mention(event: Json, say: AsyncSay) -> None:
            await say(text="On it", thread_ts=event["ts"])

    async with connected_app(ws, register):
        ts = await ana.post(BUILD, "@threadwright build it")
        await settled(ws)
        root, answer = await ana.messages(BUILD, ts)
    assert root["reply_count"] == 1
    assert root["latest_reply"] == answer["ts"]
    assert (answer["text"], answer["user"], answer["bot_id"]) == ("On it", BOT, "B0BOT")


async def test_a_reply_names_its_thread_and_the_parents_author(
    ws: Workspace, ana: Person, ben: Person
) -> None:
    async with connected_app(ws) as bot:
        root = await ana.post(BUILD, "one")
        await ben.post(BUILD, "two", thread_ts=root)
        await settled(ws)
        _, reply = bot.events("message")
    assert (reply["thread_ts"], reply["parent_user_id"]) == (root, ANA)


async def test_a_direct_message_is_one_event_even_when_it_mentions_the_bot(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        await ana.post(DM_ANA, "@threadwright hello")
        await settled(ws)
        (event,) = bot.events()
    assert (event["type"], event["channel_type"]) == ("message", "im")


async def test_nothing_arrives_from_a_channel_the_bot_is_not_in(ws: Workspace, ana: Person) -> None:
    async with connected_app(ws) as bot:
        await ana.post(QUIET, "@threadwright hello")
        await ana.post(BUILD, "a sign that the socket works")
        await settled(ws)
        assert [one["channel"] for one in bot.events()] == [BUILD]


async def test_what_a_person_types_arrives_escaped_with_links_marked(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        await ana.post(BUILD, "if a < b && `x<y` see https://example.com/?a=1&b=2, @ben")
        await settled(ws)
        (event,) = bot.events()
    assert event["text"] == (
        "if a &lt; b &amp;&amp; `x&lt;y` see <https://example.com/?a=1&amp;b=2>, <@U0BEN>"
    )


async def test_an_edit_arrives_with_the_message_before_and_after(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        ts = await ana.post(BUILD, "build it")
        await ana.edit(BUILD, ts, "build it in Rust")
        await settled(ws)
        event = bot.events()[-1]
    assert (event["subtype"], event["hidden"]) == ("message_changed", True)
    assert event["message"]["text"] == "build it in Rust"
    assert event["message"]["edited"]["user"] == ANA
    assert event["previous_message"]["text"] == "build it"
    assert event["ts"] != ts


async def test_a_deletion_arrives_and_the_root_of_a_thread_leaves_a_tombstone(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        alone = await ana.post(BUILD, "alone")
        root = await ana.post(BUILD, "root")
        await ana.post(BUILD, "reply", thread_ts=root)
        await ana.delete(BUILD, alone)
        await ana.delete(BUILD, root)
        await settled(ws)
        gone, tombstone = bot.events()[-2:]
        shown = await ana.messages(BUILD)
    assert (gone["subtype"], gone["deleted_ts"]) == ("message_deleted", alone)
    assert tombstone["message"]["subtype"] == "tombstone"
    assert [one["ts"] for one in shown] == [root]


async def test_an_attached_file_makes_the_message_a_file_share(ws: Workspace, ana: Person) -> None:
    async with connected_app(ws) as bot:
        await ana.post(BUILD, "start from this", files={"spec.md": b"# spec"})
        await settled(ws)
        (event,) = bot.events("message")
        (shared,) = bot.events("file_shared")
    assert event["subtype"] == "file_share"
    assert (event["files"][0]["name"], event["files"][0]["size"]) == ("spec.md", 6)
    assert shared["file_id"] == event["files"][0]["id"]


async def test_the_bots_own_posts_and_edits_are_echoed_and_bolt_drops_them(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        await ana.post(BUILD, "hello")
        posted = await bot.client.chat_postMessage(channel=BUILD, text="hi")
        await bot.client.chat_update(channel=BUILD, ts=posted["ts"], text="hi!")
        await settled(ws)
        heard = bot.events()
    assert [(one.get("bot_id"), one.get("subtype")) for one in heard] == [
        (None, None),
        ("B0BOT", None),
        (None, "message_changed"),
    ]
    assert [body["event"]["text"] for body in bot.bodies] == ["hello"]


async def test_a_guest_from_another_company_is_told_by_the_team_alone(
    ws: Workspace, people: PeopleClient
) -> None:
    async with connected_app(ws) as bot:
        await people.person("U0OTTO").post(GENERAL, "hello from outside")
        await settled(ws)
        envelope = bot.envelopes[-1]["payload"]
        user = await bot.client.users_info(user="U0OTTO")
    assert envelope["is_ext_shared_channel"] is True
    assert envelope["team_id"] == "T0LOCAL"
    assert envelope["event"]["user_team"] == "T0OTHER"
    assert (user["user"]["team_id"], user["user"]["is_stranger"]) == ("T0OTHER", False)


async def test_opening_the_home_tells_the_app_who_did(ws: Workspace, ana: Person) -> None:
    async with connected_app(ws) as bot:
        await ana.open_home()
        await settled(ws)
        (event,) = bot.events("app_home_opened")
    assert (event["user"], event["tab"], event["channel"]) == (ANA, "home", DM_ANA)


async def test_an_event_without_subscription_or_scope_is_not_delivered(tmp_path: Path) -> None:
    content = without_scope(without_event(manifest(), "app_mention"), "im:history")
    path = write_manifest(tmp_path, content)
    async with (
        running_workspace(manifest=path) as ws,
        PeopleClient(ws.base_url) as people,
        connected_app(ws) as bot,
    ):
        ana = people.person(ANA)
        await ana.post(DM_ANA, "no scope im:history")
        await ana.post(BUILD, "@threadwright no subscription to app_mention")
        await settled(ws)
        assert [(e["type"], e["channel"]) for e in bot.events()] == [("message", BUILD)]


async def test_stop_is_told_to_the_app_while_the_session_is_processing(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        ts = await ana.post(BUILD, "@threadwright build it")
        await bot.client.agents_sessions_setStatus(
            channel_id=BUILD, thread_ts=ts, status="processing", title="Build it"
        )
        await ana.stop(BUILD, ts)
        await until(lambda: bool(bot.events("agent_session_stopped")))
        (event,) = bot.events("agent_session_stopped")
        (session,) = await ana.sessions()
    assert (event["channel"], event["thread_ts"], event["user"]) == (BUILD, ts, ANA)
    assert event["streaming_message_ts"] == []
    assert session["status"] == "processing"  # Slack leaves the change to the app
