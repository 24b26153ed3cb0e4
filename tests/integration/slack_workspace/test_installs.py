"""Where the app is installed: org-wide, with two teams; and at both ends of a shared channel."""

from pathlib import Path

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.web.async_client import AsyncWebClient

from local.slack import seed
from local.slack.client import PeopleClient
from local.slack.errors import Refused
from local.slack.installs import InstallSpec
from local.slack.server import running_workspace
from local.slack.workspace import Admin
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    GENERAL,
    Json,
    connected_app,
    manifest,
    refusal,
    settled,
    without_scope,
    write_manifest,
)
from tests.integration.slack_workspace.test_interactions import acknowledging, posted

ORG = InstallSpec(kind="org")


async def test_an_org_wide_install_hears_of_every_team_as_itself(tmp_path: Path) -> None:
    seen: list[tuple[str | None, str | None, bool | None]] = []

    def register(app: AsyncApp) -> None:
        @app.event("message")
        async def take(context: AsyncBoltContext) -> None:
            seen.append((context.team_id, context.enterprise_id, context.is_enterprise_install))

    path = write_manifest(tmp_path, manifest())
    async with (
        running_workspace(manifest=path, install=ORG) as ws,
        PeopleClient(ws.base_url) as people,
        connected_app(ws, register) as bot,
    ):
        await people.person(ANA).post(BUILD, "from the first team")
        await people.person("U0DAN").post("C0SECOND", "from the second team")
        await settled(ws)
        payloads = [one["payload"] for one in bot.envelopes]
    assert [(one["team_id"], one["enterprise_id"]) for one in payloads] == [
        ("T0LOCAL", "E0ORG"),
        ("T0SECOND", "E0ORG"),
    ]
    assert payloads[1]["authorizations"] == [
        {
            "enterprise_id": "E0ORG",
            "team_id": "T0SECOND",
            "user_id": "U0BOT",
            "is_bot": True,
            "is_enterprise_install": True,
        }
    ]
    assert payloads[1]["event"]["team"] == "T0SECOND"
    assert seen == [("T0LOCAL", "E0ORG", True), ("T0SECOND", "E0ORG", True)]


async def test_interactions_of_an_org_wide_install_name_no_team(tmp_path: Path) -> None:
    def register(app: AsyncApp) -> None:
        acknowledging(app)
        app.command("/threadwright")(_ack)

    path = write_manifest(tmp_path, manifest())
    async with (
        running_workspace(manifest=path, install=ORG) as ws,
        PeopleClient(ws.base_url) as people,
        connected_app(ws, register) as bot,
    ):
        ana = people.person(ANA)
        await ana.click(BUILD, await posted(bot.client), "approve")
        await ana.command(BUILD, "/threadwright", "help")
        await settled(ws)
        (click,) = bot.interactions("block_actions")
        (command,) = (e["payload"] for e in bot.envelopes if e["type"] == "slash_commands")
    assert (click["team"], click["user"]["team_id"]) == (None, "T0LOCAL")
    assert click["enterprise"] == {"id": "E0ORG", "name": "Local Org"}
    assert click["is_enterprise_install"] is True
    assert (command["is_enterprise_install"], command["enterprise_id"]) == ("true", "E0ORG")
    assert command["team_id"] == "T0LOCAL"


async def _ack(ack: object) -> None:
    assert callable(ack)
    await ack()


async def test_an_org_wide_token_is_the_organisations_and_must_name_a_team(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, manifest())
    async with running_workspace(manifest=path, install=ORG) as ws:
        web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
        me = await web.auth_test()
        unnamed = await refusal(web.usergroups_users_list(usergroup="S0REVIEW"))
        named = await web.usergroups_users_list(usergroup="S0REVIEW", team_id="T0LOCAL")
        listed = await web.conversations_list(team_id="T0SECOND")
        second = await web.team_info(team="T0SECOND")
        user = await web.users_info(user="U0DAN")
    assert (me["team_id"], me["enterprise_id"]) == ("E0ORG", "E0ORG")
    assert me["is_enterprise_install"] is True
    assert unnamed["error"] == "missing_argument"
    assert named["users"] == ["U0BEN"]
    assert "second" in [one["name"] for one in listed["channels"]]
    assert (second["team"]["name"], second["team"]["enterprise_id"]) == ("Second", "E0ORG")
    assert user["user"]["enterprise_user"]["teams"] == ["T0SECOND"]


async def test_authorizations_may_leave_the_team_out(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, manifest())
    spec = InstallSpec(kind="org", team_in_authorizations=False)
    async with (
        running_workspace(manifest=path, install=spec) as ws,
        PeopleClient(ws.base_url) as people,
        connected_app(ws) as bot,
    ):
        await people.person(ANA).post(BUILD, "hello")
        await settled(ws)
        (payload,) = (one["payload"] for one in bot.envelopes)
    assert (payload["team_id"], payload["authorizations"][0]["team_id"]) == ("T0LOCAL", None)


async def test_an_app_that_is_not_for_organisations_cannot_be_installed_in_one(
    tmp_path: Path,
) -> None:
    content = manifest()
    content["settings"]["org_deploy_enabled"] = False
    path = write_manifest(tmp_path, content)
    async with running_workspace(manifest=path) as ws, PeopleClient(ws.base_url) as people:
        with pytest.raises(Refused, match=r"needs settings\.org_deploy_enabled"):
            await people.install(ORG)


async def test_both_ends_of_a_shared_channel_hear_the_same_message_apart(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, manifest())
    async with (
        running_workspace(manifest=path) as ws,
        PeopleClient(ws.base_url) as people,
        connected_app(ws) as bot,
    ):
        await people.install(InstallSpec(second=True))
        ana = people.person(ANA)
        await ana.post(BUILD, "only here")
        ts = await ana.post(GENERAL, "<@U0BOT2> and <@U0BOT> hear this")
        await settled(ws)
        here, *shared = (one["payload"] for one in bot.envelopes)
        other = AsyncWebClient(token=seed.SECOND_BOT_TOKEN, base_url=ws.api_url)
        me = await other.auth_test()
        posted_there = await other.chat_postMessage(channel=GENERAL, thread_ts=ts, text="heard")
        elsewhere = await refusal(other.chat_postMessage(channel=BUILD, text="not mine"))
    assert here["team_id"] == "T0LOCAL"
    heard = {(one["team_id"], one["event"]["type"], one["event"]["ts"]) for one in shared}
    assert heard == {
        ("T0LOCAL", "message", ts),
        ("T0LOCAL", "app_mention", ts),
        ("T0OTHER", "message", ts),
        ("T0OTHER", "app_mention", ts),
    }
    assert len({one["event_id"] for one in shared}) == 4
    assert {one["authorizations"][0]["user_id"] for one in shared} == {"U0BOT", "U0BOT2"}
    assert (me["team_id"], me["user_id"]) == ("T0OTHER", "U0BOT2")
    message: Json = posted_there["message"]
    assert (message["user"], message["bot_profile"]["team_id"]) == ("U0BOT2", "T0OTHER")
    assert elsewhere["error"] == "channel_not_found"


async def test_a_removed_app_is_told_and_its_token_is_worth_nothing(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, manifest())
    async with (
        running_workspace(manifest=path) as ws,
        PeopleClient(ws.base_url) as people,
        connected_app(ws) as bot,
    ):
        with pytest.raises(Refused, match="ana is no admin"):
            await people.person(ANA).uninstall_app()
        await people.person("U0CLEO").uninstall_app()
        await settled(ws)
        await people.person(ANA).post(BUILD, "anybody there?")
        await settled(ws)
        heard = [one["type"] for one in bot.events()]
        answer = await refusal(bot.client.chat_postMessage(channel=BUILD, text="I am"))
    assert sorted(heard) == ["app_uninstalled", "tokens_revoked"]
    assert answer["error"] == "account_inactive"


async def test_what_an_admin_refuses_is_not_granted_and_what_they_grant_again_is(
    tmp_path: Path,
) -> None:
    content = without_scope(manifest(), "files:read")
    content["oauth_config"]["scopes"]["bot_optional"] = ["files:read"]
    path = write_manifest(tmp_path, content)
    async with running_workspace(manifest=path) as ws, PeopleClient(ws.base_url) as people:
        web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
        await people.decide(Admin(refused_optional_scopes=["files:read"]))
        refused = await refusal(web.files_info(file="F0"))
        await people.decide(Admin())
        granted = await refusal(web.files_info(file="F0"))
        with pytest.raises(Refused, match="not among the manifest's bot_optional"):
            await people.decide(Admin(refused_optional_scopes=["chat:write"]))
    assert (refused["error"], refused["needed"]) == ("missing_scope", "files:read")
    assert granted["error"] == "file_not_found"
