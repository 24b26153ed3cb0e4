"""`conversations.*`, `users.info`, `bots.info`: what the bot may read."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import Person
from tests.integration.slack_workspace.installed import ANA, BUILD, QUIET, Json, refusal

PLAN = {"event_type": "plan", "event_payload": {"turn": "1"}}


async def test_replies_give_the_root_and_its_thread_also_when_a_reply_is_named(
    web: AsyncWebClient, ana: Person
) -> None:
    root = await ana.post(BUILD, "root")
    await ana.post(BUILD, "elsewhere")
    reply = await ana.post(BUILD, "reply", thread_ts=root)
    for named in (root, reply):
        answer = await web.conversations_replies(channel=BUILD, ts=named)
        assert [one["text"] for one in answer["messages"]] == ["root", "reply"]
        assert answer["has_more"] is False


async def test_metadata_is_read_back_only_when_asked_for(web: AsyncWebClient) -> None:
    ts = (await web.chat_postMessage(channel=BUILD, text="plan", metadata=PLAN))["ts"]
    plain = await web.conversations_replies(channel=BUILD, ts=ts)
    full = await web.conversations_replies(channel=BUILD, ts=ts, include_all_metadata=True)
    assert "metadata" not in plain["messages"][0]
    assert full["messages"][0]["metadata"] == PLAN


async def test_a_long_thread_is_read_page_by_page(web: AsyncWebClient, ana: Person) -> None:
    root = await ana.post(BUILD, "0")
    for number in range(1, 5):
        await ana.post(BUILD, str(number), thread_ts=root)
    read: list[str] = []
    cursor: str | None = None
    pages = 0
    while cursor != "":
        page = await web.conversations_replies(channel=BUILD, ts=root, limit=2, cursor=cursor)
        read += [one["text"] for one in page["messages"]]
        cursor = (page.get("response_metadata") or {"next_cursor": ""})["next_cursor"]
        assert page["has_more"] is bool(cursor)
        pages += 1
    assert (read, pages) == (["0", "1", "2", "3", "4"], 3)


async def test_history_is_the_top_level_newest_first_within_the_time_asked(
    web: AsyncWebClient, ana: Person
) -> None:
    first = await ana.post(BUILD, "first")
    await ana.post(BUILD, "a reply", thread_ts=first)
    await ana.post(BUILD, "second")
    answer = await web.conversations_history(channel=BUILD)
    assert [one["text"] for one in answer["messages"]] == ["second", "first"]
    later = await web.conversations_history(channel=BUILD, oldest=first)
    assert [one["text"] for one in later["messages"]] == ["second"]
    again = await web.conversations_history(channel=BUILD, oldest=first, inclusive=True)
    assert [one["text"] for one in again["messages"]] == ["second", "first"]


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        (
            "conversations.replies",
            {"channel": BUILD, "ts": "1700000000.000001"},
            "thread_not_found",
        ),
        ("conversations.replies", {"channel": BUILD}, "thread_not_found"),
        ("conversations.history", {"channel": QUIET}, "not_in_channel"),
        ("conversations.history", {"channel": "C0NOWHERE"}, "channel_not_found"),
        ("conversations.history", {"channel": BUILD, "limit": 0}, "invalid_limit"),
        ("conversations.history", {"channel": BUILD, "cursor": "x"}, "invalid_cursor"),
        ("conversations.history", {"channel": BUILD, "oldest": "yesterday"}, "invalid_ts_oldest"),
        ("conversations.list", {"types": "secret"}, "invalid_types"),
        ("conversations.open", {"users": "U0NOBODY"}, "user_not_found"),
        ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
        ("bots.info", {"bot": "B0OTHER"}, "bot_not_found"),
    ],
)
async def test_a_question_slack_would_refuse_is_refused(
    web: AsyncWebClient, method: str, arguments: Json, error: str
) -> None:
    assert (await refusal(web.api_call(method, params=arguments)))["error"] == error


async def test_channels_and_people_are_described(web: AsyncWebClient) -> None:
    info = await web.conversations_info(channel=BUILD, include_num_members=True)
    assert (info["channel"]["name"], info["channel"]["num_members"]) == ("build", 5)
    assert info["channel"]["is_member"] is True
    members = await web.conversations_members(channel=BUILD)
    assert members["members"] == ["U0ANA", "U0BEN", "U0CLEO", "U0GUS", "U0BOT"]
    listed = await web.conversations_list()
    assert [one["name"] for one in listed["channels"]] == ["general", "build", "quiet"]
    direct = await web.conversations_open(users=ANA)
    assert direct["channel"]["id"] == "D0ANA"
    user = await web.users_info(user=ANA)
    assert (user["user"]["real_name"], user["user"]["is_stranger"]) == ("Ana Alves", False)
    assert (await web.bots_info(bot="B0BOT"))["bot"]["app_id"] == "A0APP"
