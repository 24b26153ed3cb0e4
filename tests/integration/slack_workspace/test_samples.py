"""The catalogue of everything Slack may send: complete, realistic, deliverable."""

from pathlib import Path

import pytest

from local.slack.client import PeopleClient
from local.slack.installs import InstallSpec
from local.slack.samples import samples
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    BUILD,
    connected_app,
    manifest,
    write_manifest,
)
from tests.integration.slack_workspace.test_interactions import acknowledging

KINDS = {
    "event/message/plain",
    "event/message/channel_join",
    "event/message/bot_message",
    "event/message/message_changed",
    "event/message/message_changed_tombstone",
    "event/message/message_deleted",
    "event/message/message_replied",
    "event/message/file_share",
    "event/message/thread_broadcast",
    "event/message/me_message",
    "event/message/channel_topic",
    "event/message/slackbot",
    "event/app_mention",
    "event/app_home_opened",
    "event/agent_session_stopped",
    "event/app_uninstalled",
    "event/tokens_revoked",
    "interactive/block_actions/message",
    "interactive/block_actions/ephemeral",
    "interactive/block_actions/home",
    "interactive/block_actions/modal",
    "interactive/view_submission",
    "interactive/view_closed",
    "interactive/message_action",
    "interactive/shortcut",
    "interactive/block_suggestion",
    "slash_commands/bare",
    "http/url_verification",
    "http/app_rate_limited",
}


@pytest.mark.parametrize("spec", [InstallSpec(), InstallSpec(kind="org")])
async def test_there_is_one_of_each_kind_under_its_own_name(
    tmp_path: Path, spec: InstallSpec
) -> None:
    path = write_manifest(tmp_path, manifest())
    async with running_workspace(manifest=path, install=spec) as ws:
        listed = samples(ws)
    names = [one.name for one in listed]
    assert len(set(names)) == len(names)
    assert set(names) >= KINDS
    for one in listed:
        kind = one.payload.get("type")
        if one.envelope == "events_api":
            inner = one.payload["event"]
            expected = one.name.split("/")[1]
            assert (kind, inner["type"]) == ("event_callback", expected)
        elif one.envelope == "interactive":
            assert one.name.split("/")[1] == kind


async def test_each_subtype_is_what_its_name_says(ws: Workspace) -> None:
    by_name = {one.name: one.payload.get("event", {}) for one in samples(ws)}
    for subtype in ("channel_join", "bot_message", "me_message", "file_share", "message_deleted"):
        assert by_name[f"event/message/{subtype}"]["subtype"] == subtype
    assert by_name["event/message/message_changed_tombstone"]["message"]["subtype"] == "tombstone"
    assert "subtype" not in by_name["event/message/slackbot"]
    check = by_name["event/message/file_share_check"]["files"][0]
    assert (check["file_access"], "url_private" in check) == ("check_file_info", False)


async def test_every_sample_reaches_a_connected_app(ws: Workspace, people: PeopleClient) -> None:
    listed = [one for one in samples(ws) if one.envelope == "events_api"]
    async with connected_app(ws) as bot:
        answers = [await people.deliver(one.envelope, one.payload) for one in listed]
        taken = [one["payload"] for one in bot.envelopes]
    assert taken == [one.payload for one in listed]
    refused = [one.name for one, told in zip(listed, answers, strict=True) if not told["acked"]]
    assert refused == []


async def test_what_a_sample_is_about_is_there_to_be_answered(
    ws: Workspace, people: PeopleClient
) -> None:
    click = next(one for one in samples(ws) if one.name == "interactive/block_actions/message")
    async with connected_app(ws, acknowledging) as bot:
        assert (await people.deliver(click.envelope, click.payload))["acked"] is True
        ts = click.payload["message"]["ts"]
        await bot.client.chat_update(channel=BUILD, ts=ts, text="Approved")
        view = {
            "type": "modal",
            "title": {"type": "plain_text", "text": "Hi"},
            "blocks": [{"type": "divider"}],
        }
        await bot.client.views_open(trigger_id=click.payload["trigger_id"], view=view)
