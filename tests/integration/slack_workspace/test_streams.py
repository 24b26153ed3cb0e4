"""Messages the app writes bit by bit: who sees what when, and how they end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.models.messages.chunk import MarkdownTextChunk, PlanUpdateChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.limits import Limits
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    DM_ANA,
    Json,
    connected_app,
    manifest,
    refusal,
    settled,
    without_event,
    write_manifest,
)
from tests.polling import until

FOR_ANA: Json = {"recipient_user_id": ANA, "recipient_team_id": "T0LOCAL"}
ENDED = "message_not_in_streaming_state"


async def started(web: AsyncWebClient, thread_ts: str, **more: Any) -> str:
    answer = await web.chat_startStream(channel=BUILD, thread_ts=thread_ts, **FOR_ANA, **more)
    return str(answer["ts"])


async def last(person: Person, thread_ts: str) -> Json:
    return (await person.messages(BUILD, thread_ts))[-1]


async def test_in_a_channel_only_the_recipient_sees_the_message_grow(
    web: AsyncWebClient, ana: Person, ben: Person
) -> None:
    root = await ana.post(BUILD, "explain it")
    ts = await started(web, root, markdown_text="First, ")
    async with ana.news() as news, ben.news() as others:
        await web.chat_appendStream(channel=BUILD, ts=ts, markdown_text="second, ")
        grown = await asyncio.wait_for(anext(news), 60)
        assert (await last(ana, root))["text"] == "First, second, "
        assert (await last(ben, root))["text"] == "First, "
        assert (await last(ben, root))["streaming"] is True
        await web.chat_stopStream(channel=BUILD, ts=ts, markdown_text="third.")
        told = await asyncio.wait_for(anext(others), 60)
    assert (grown["type"], grown["message"]["text"]) == ("changed", "First, second, ")
    assert (told["type"], told["message"]["text"]) == ("changed", "First, second, third.")
    for person in (ana, ben):
        message = await last(person, root)
        assert "streaming" not in message
        assert message["blocks"][0]["text"] == "First, second, third."


async def test_chunks_make_a_plan_that_ticks_in_place(web: AsyncWebClient, ana: Person) -> None:
    root = await ana.post(BUILD, "build it")
    ts = await started(
        web,
        root,
        task_display_mode="plan",
        chunks=[
            PlanUpdateChunk(title="URL shortener"),
            TaskUpdateChunk(id="1", title="Write it", status="in_progress"),
            TaskUpdateChunk(id="2", title="Test it", status="pending"),
        ],
    )
    await web.chat_appendStream(
        channel=BUILD,
        ts=ts,
        chunks=[
            TaskUpdateChunk(id="1", title="Write it", status="complete", output="3 files"),
            MarkdownTextChunk(text="Half way."),
        ],
    )
    plan, said = (await last(ana, root))["blocks"]
    assert (plan["title"], said["text"]) == ("URL shortener", "Half way.")
    assert [(one["task_id"], one["status"]) for one in plan["tasks"]] == [
        ("1", "complete"),
        ("2", "pending"),
    ]
    assert plan["tasks"][0]["output"]["type"] == "rich_text"


async def test_a_timeline_keeps_text_and_tasks_in_the_order_they_came(
    web: AsyncWebClient, ana: Person
) -> None:
    root = await ana.post(BUILD, "build it")
    ts = await started(web, root, markdown_text="Begin.")
    task = TaskUpdateChunk(id="1", title="Write it", status="complete")
    for chunk in (task, MarkdownTextChunk(text="End."), task):
        await web.chat_appendStream(channel=BUILD, ts=ts, chunks=[chunk])
    kinds = [one["type"] for one in (await last(ana, root))["blocks"]]
    assert kinds == ["markdown", "task_card", "markdown"]


async def test_the_end_may_bring_blocks_metadata_and_a_status_and_can_be_updated(
    web: AsyncWebClient, ana: Person
) -> None:
    root = await ana.post(BUILD, "explain it")
    ts = await started(web, root, markdown_text="Done.")
    (session,) = await ana.sessions()
    assert (session["thread_ts"], session["status"]) == (root, "processing")
    assert (await refusal(web.chat_update(channel=BUILD, ts=ts, text="x")))["error"] == (
        "streaming_state_conflict"
    )
    await web.chat_stopStream(
        channel=BUILD,
        ts=ts,
        blocks=[{"type": "divider"}],
        metadata={"event_type": "answer", "event_payload": {"turn": 1}},
        session_status="active",
    )
    message = await last(ana, root)
    assert [one["type"] for one in message["blocks"]] == ["markdown", "divider"]
    assert message["metadata"]["event_payload"] == {"turn": 1}
    assert (await ana.sessions())[0]["status"] == "active"
    await web.chat_update(channel=BUILD, ts=ts, text="Done, and checked.")
    assert (await last(ana, root))["text"] == "Done, and checked."


async def test_a_direct_conversation_needs_no_recipient(web: AsyncWebClient, ana: Person) -> None:
    root = await ana.post(DM_ANA, "explain it")
    answer = await web.chat_startStream(channel=DM_ANA, thread_ts=root, markdown_text="Yes")
    await web.chat_appendStream(channel=DM_ANA, ts=answer["ts"], markdown_text="!")
    assert (await ana.messages(DM_ANA, root))[-1]["text"] == "Yes!"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"recipient_user_id": None}, "missing_recipient_user_id"),
        ({"recipient_team_id": None}, "missing_recipient_team_id"),
        ({"recipient_user_id": "U0NOBODY"}, "user_not_found"),
        ({"thread_ts": None}, "invalid_arguments"),
        ({"thread_ts": "1700000000.000001"}, "thread_not_found"),
        ({"task_display_mode": "list"}, "invalid_arguments"),
        (
            {"markdown_text": "a", "chunks": [{"type": "markdown_text", "text": "b"}]},
            "invalid_arguments",
        ),
        ({"chunks": [{"type": "sound"}]}, "invalid_chunks"),
        ({"chunks": [{"type": "task_update", "id": "1", "title": "a"}]}, "invalid_chunks"),
        (
            {"chunks": [{"type": "task_update", "id": "1", "title": "a", "status": "done"}]},
            "invalid_blocks",
        ),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
    ],
)
async def test_a_stream_slack_would_refuse_is_refused_and_posts_nothing(
    web: AsyncWebClient, ana: Person, changed: Json, error: str
) -> None:
    root = await ana.post(BUILD, "explain it")
    arguments: Json = {"channel": BUILD, "thread_ts": root, **FOR_ANA, **changed}
    given = {name: value for name, value in arguments.items() if value is not None}
    answer = await refusal(web.api_call("chat.startStream", json=given))
    assert answer["error"] == error
    assert len(await ana.messages(BUILD, root)) == 1


async def test_too_much_for_one_message_is_refused_and_leaves_it_as_it_was(
    web: AsyncWebClient, ana: Person
) -> None:
    root = await ana.post(BUILD, "explain it")
    ts = await started(web, root, markdown_text="x" * 11_000)
    answer = await refusal(web.chat_appendStream(channel=BUILD, ts=ts, markdown_text="x" * 3_000))
    assert answer["error"] in ("msg_blocks_too_long", "invalid_blocks")
    assert len((await last(ana, root))["text"]) == 11_000
    assert (await refusal(web.chat_appendStream(channel=BUILD, ts=ts)))["error"] == "no_text"


async def test_what_is_not_streamed_cannot_be_appended_to_or_stopped(
    web: AsyncWebClient, ana: Person
) -> None:
    root = await ana.post(BUILD, "explain it")
    ts = await started(web, root, markdown_text="Done.")
    await web.chat_stopStream(channel=BUILD, ts=ts)
    append = await refusal(web.chat_appendStream(channel=BUILD, ts=ts, markdown_text="more"))
    stop = await refusal(web.chat_stopStream(channel=BUILD, ts=ts))
    foreign = await refusal(web.chat_stopStream(channel=BUILD, ts=root))
    assert (append["error"], stop["error"]) == (ENDED, ENDED)
    assert foreign["error"] == "message_not_owned_by_app"


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace that ends streams soon."""
    path = write_manifest(tmp_path, manifest())
    async with running_workspace(manifest=path, limits=Limits(stream_seconds=0.15)) as workspace:
        yield workspace


async def test_slack_ends_a_stream_after_its_time_and_open_tasks_look_failed(
    hasty: Workspace,
) -> None:
    web = AsyncWebClient(token=hasty.bot_token, base_url=hasty.api_url)
    async with PeopleClient(hasty.base_url) as people:
        ana, ben = people.person(ANA), people.person("U0BEN")
        root = await ana.post(BUILD, "build it")
        task = TaskUpdateChunk(id="1", title="Write it", status="in_progress")
        ts = await started(web, root, chunks=[task])

        async def over() -> bool:
            return "streaming" not in await last(ben, root)

        await until(over)
        (card,) = (await last(ben, root))["blocks"]
        append = await refusal(web.chat_appendStream(channel=BUILD, ts=ts, markdown_text="x"))
        stop = await refusal(web.chat_stopStream(channel=BUILD, ts=ts))
        await web.chat_update(channel=BUILD, ts=ts, text="It took longer.")
        assert (await last(ana, root))["text"] == "It took longer."
    assert card["status"] == "error"
    assert (append["error"], stop["error"]) == (ENDED, ENDED)


async def test_the_stop_button_ends_the_streams_of_its_thread_and_names_them(
    ws: Workspace, ana: Person
) -> None:
    async with connected_app(ws) as bot:
        root = await ana.post(BUILD, "explain it")
        ts = await started(bot.client, root, markdown_text="Well, ")
        await ana.stop(BUILD, root)
        await settled(ws)
        (event,) = bot.events("agent_session_stopped")
        answer = await refusal(
            bot.client.chat_appendStream(channel=BUILD, ts=ts, markdown_text="more")
        )
    assert event["streaming_message_ts"] == [ts]
    assert answer["error"] == ENDED
    assert (await ana.sessions())[0]["status"] == "processing"


async def test_an_app_that_does_not_hear_of_stop_gets_a_session_without_a_button(
    tmp_path: Path,
) -> None:
    path = write_manifest(tmp_path, without_event(manifest(), "agent_session_stopped"))
    async with running_workspace(manifest=path) as ws, PeopleClient(ws.base_url) as people:
        web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
        root = await people.person(ANA).post(BUILD, "explain it")
        await started(web, root, markdown_text="Well")
        assert [one["status"] for one in await people.person(ANA).sessions()] == ["processing"]


async def test_the_helper_of_slacks_own_sdk_streams_here(web: AsyncWebClient, ana: Person) -> None:
    root = await ana.post(BUILD, "explain it")
    streamer = await web.chat_stream(
        channel=BUILD,
        thread_ts=root,
        buffer_size=4,
        recipient_user_id=ANA,
        recipient_team_id="T0LOCAL",
    )
    for piece in ("One ", "two ", "three."):
        await streamer.append(markdown_text=piece)
    await streamer.stop()
    assert (await last(ana, root))["text"] == "One two three."
