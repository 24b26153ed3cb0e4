"""`chat.*` and `reactions.*`: what the bot may post, change and take back, and what it may not."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import Person
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    GENERAL,
    OTTO,
    QUIET,
    Json,
    refusal,
)

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


def button(action_id: str, value: str = "1") -> Json:
    label = {"type": "plain_text", "text": action_id}
    return {"type": "button", "action_id": action_id, "value": value, "text": label}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NOWHERE", "text": "hi"}, "channel_not_found"),
        ({"text": "hi"}, "channel_not_found"),
        ({"channel": "D0BEN0", "text": "hi"}, "channel_not_found"),
        ({"channel": QUIET, "text": "hi"}, "not_in_channel"),
        ({"channel": BUILD}, "no_text"),
        ({"channel": BUILD, "text": "  "}, "no_text"),
        ({"channel": BUILD, "blocks": "not json"}, "invalid_blocks_format"),
        ({"channel": BUILD, "blocks": '{"type": "divider"}'}, "invalid_blocks_format"),
        ({"channel": BUILD, "text": "hi", "thread_ts": "1"}, "thread_not_found"),
        ({"channel": BUILD, "text": "hi", "thread_ts": "1700000000.000001"}, "thread_not_found"),
        ({"channel": BUILD, "text": "hi", "markdown_text": "hi"}, "markdown_text_conflict"),
        ({"channel": BUILD, "text": "hi", "metadata": "x"}, "invalid_metadata_format"),
        ({"channel": BUILD, "text": "hi", "metadata": '{"a": 1}'}, "invalid_metadata_format"),
        (
            {"channel": BUILD, "text": "hi", "metadata": '{"event_type": "a"}'},
            "invalid_metadata_schema",
        ),
    ],
)
async def test_a_post_slack_would_refuse_is_refused_in_slacks_word(
    web: AsyncWebClient, arguments: Json, error: str
) -> None:
    answer = await refusal(web.api_call("chat.postMessage", params=arguments))
    assert answer["error"] == error


async def test_wrong_blocks_are_refused_with_the_place_of_the_mistake(web: AsyncWebClient) -> None:
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    answer = await refusal(web.chat_postMessage(channel=BUILD, text="hi", blocks=[long]))
    problem = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert answer["error"] == "invalid_blocks"
    assert answer["errors"] == [problem]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {problem}"]


async def test_blocks_that_are_long_only_together_are_too_long(web: AsyncWebClient) -> None:
    blocks = [{"type": "markdown", "text": "x" * 7000}] * 2
    answer = await refusal(web.chat_postMessage(channel=BUILD, text="hi", blocks=blocks))
    assert answer["error"] == "msg_blocks_too_long"


async def test_posted_blocks_and_elements_get_the_ids_they_came_without(
    web: AsyncWebClient,
) -> None:
    label = {"type": "plain_text", "text": "Go"}
    blocks = [{"type": "actions", "elements": [{"type": "button", "text": label}]}]
    answer = await web.chat_postMessage(channel=BUILD, text="hi", blocks=blocks)
    (block,) = answer["message"]["blocks"]
    assert block["block_id"]
    assert block["elements"][0]["action_id"]


async def test_a_reply_to_a_reply_is_refused(web: AsyncWebClient) -> None:
    root = (await web.chat_postMessage(channel=BUILD, text="root"))["ts"]
    reply = (await web.chat_postMessage(channel=BUILD, text="reply", thread_ts=root))["ts"]
    answer = await refusal(web.chat_postMessage(channel=BUILD, text="no", thread_ts=reply))
    assert answer["error"] == "cannot_reply_to_message"


async def test_long_text_is_cut_when_posted_and_refused_when_updated(web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel=BUILD, text="x" * 40_001)
    assert len(posted["message"]["text"]) == 40_000
    answer = await refusal(web.chat_update(channel=BUILD, ts=posted["ts"], text="x" * 4_001))
    assert answer["error"] == "msg_too_long"


async def test_a_channel_is_also_known_by_name_and_a_person_means_their_conversation(
    web: AsyncWebClient,
) -> None:
    assert (await web.chat_postMessage(channel="#build", text="hi"))["channel"] == BUILD
    assert (await web.chat_postMessage(channel=ANA, text="hi"))["channel"] == "D0ANA"


async def test_an_update_replaces_what_it_names_and_keeps_the_metadata(
    web: AsyncWebClient, ana: Person
) -> None:
    metadata = {"event_type": "plan", "event_payload": {"turn": "1"}}
    posted = await web.chat_postMessage(
        channel=BUILD, text="plan", blocks=[SECTION], metadata=metadata
    )
    where: dict[str, Any] = {"channel": BUILD, "ts": posted["ts"]}
    with_blocks = await web.chat_update(**where, text="plan 2", blocks=[SECTION, SECTION])
    assert len(with_blocks["message"]["blocks"]) == 2
    assert "edited" not in with_blocks["message"]
    only_text = await web.chat_update(**where, text="just text")
    assert "blocks" not in only_text["message"]
    assert only_text["message"]["edited"]["user"] == "U0BOT"
    (shown,) = await ana.messages(BUILD)
    assert (shown["text"], shown["metadata"]) == ("just text", metadata)
    await web.chat_update(**where, text="no metadata", metadata={})
    assert "metadata" not in (await ana.messages(BUILD))[0]


async def test_only_its_own_messages_may_the_bot_change(web: AsyncWebClient, ana: Person) -> None:
    ts = await ana.post(BUILD, "mine")
    update = await refusal(web.chat_update(channel=BUILD, ts=ts, text="yours"))
    delete = await refusal(web.chat_delete(channel=BUILD, ts=ts))
    missing = await refusal(web.chat_update(channel=BUILD, ts="1700000000.000001", text="x"))
    assert update["error"] == "cant_update_message"
    assert delete["error"] == "cant_delete_message"
    assert missing["error"] == "message_not_found"


async def test_a_deleted_message_is_gone(web: AsyncWebClient, ana: Person) -> None:
    posted = await web.chat_postMessage(channel=BUILD, text="oops")
    await web.chat_delete(channel=BUILD, ts=posted["ts"])
    assert await ana.messages(BUILD) == []


async def test_an_ephemeral_message_is_seen_by_one_person_and_by_no_reader(
    web: AsyncWebClient, ana: Person, ben: Person
) -> None:
    posted = await web.chat_postEphemeral(channel=BUILD, user=ANA, text="only you")
    (seen,) = await ana.messages(BUILD)
    assert (seen["text"], seen["ephemeral"]) == ("only you", True)
    assert await ben.messages(BUILD) == []
    assert (await web.conversations_history(channel=BUILD))["messages"] == []
    answer = await refusal(web.chat_update(channel=BUILD, ts=posted["message_ts"], text="x"))
    assert answer["error"] == "message_not_found"


async def test_an_ephemeral_message_needs_a_member(web: AsyncWebClient) -> None:
    answer = await refusal(web.chat_postEphemeral(channel=BUILD, user=OTTO, text="hi"))
    assert answer["error"] == "user_not_in_channel"


async def test_a_permalink_leads_to_the_message_and_names_its_thread(
    ws: Workspace, web: AsyncWebClient
) -> None:
    root = (await web.chat_postMessage(channel=BUILD, text="root"))["ts"]
    reply = (await web.chat_postMessage(channel=BUILD, text="reply", thread_ts=root))["ts"]
    to_root = await web.chat_getPermalink(channel=BUILD, message_ts=root)
    to_reply = await web.chat_getPermalink(channel=BUILD, message_ts=reply)
    base = f"{ws.base_url}/archives/{BUILD}"
    assert to_root["permalink"] == f"{base}/p{root.replace('.', '')}"
    assert to_reply["permalink"] == f"{base}/p{reply.replace('.', '')}?thread_ts={root}&cid={BUILD}"


async def test_a_reaction_counts_once_and_can_be_taken_back(
    web: AsyncWebClient, ana: Person
) -> None:
    ts = await ana.post(BUILD, "build it")
    where: dict[str, Any] = {"channel": BUILD, "timestamp": ts, "name": "eyes"}
    await web.reactions_add(**where)
    assert (await refusal(web.reactions_add(**where)))["error"] == "already_reacted"
    (shown,) = await ana.messages(BUILD)
    assert shown["reactions"] == [{"name": "eyes", "users": ["U0BOT"], "count": 1}]
    await web.reactions_remove(**where)
    assert (await refusal(web.reactions_remove(**where)))["error"] == "no_reaction"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"name": ":eyes:"}, "invalid_name"),
        ({"timestamp": "now"}, "bad_timestamp"),
        ({"timestamp": "1700000000.000001"}, "message_not_found"),
        ({"timestamp": ""}, "no_item_specified"),
        ({"channel": QUIET}, "not_in_channel"),
    ],
)
async def test_a_reaction_slack_would_refuse_is_refused(
    web: AsyncWebClient, ana: Person, changed: Json, error: str
) -> None:
    ts = await ana.post(GENERAL, "hello")
    arguments = {"channel": GENERAL, "timestamp": ts, "name": "eyes", **changed}
    assert (await refusal(web.api_call("reactions.add", params=arguments)))["error"] == error
