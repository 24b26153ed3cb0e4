"""The agent's status in a thread: who may set it, what it may be, when there is a Stop button."""

from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.client import PeopleClient, Person
from local.slack.errors import Refused
from local.slack.server import running_workspace
from tests.integration.slack_workspace.installed import (
    ANA,
    BUILD,
    OTTO,
    Json,
    manifest,
    refusal,
    without_event,
    write_manifest,
)


async def test_the_first_status_makes_the_session_and_only_then_the_title_counts(
    web: AsyncWebClient, ana: Person
) -> None:
    ts = await ana.post(BUILD, "build it")
    first = await web.agents_sessions_setStatus(
        channel_id=BUILD, thread_ts=ts, status="processing", title="Build it", initiator_user_id=ANA
    )
    assert (first["status"], first["title"]) == ("processing", "Build it")
    assert "warning" not in first
    await web.agents_sessions_setStatus(
        channel_id=BUILD, thread_ts=ts, status="suspended", title="Ignored"
    )
    assert await ana.sessions() == [
        {
            "channel": BUILD,
            "thread_ts": ts,
            "status": "suspended",
            "title": "Build it",
            "text": "",
        }
    ]
    await web.agents_sessions_rename(channel_id=BUILD, thread_ts=ts, title="Built")
    assert (await ana.sessions())[0]["title"] == "Built"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"status": "complete"}, "invalid_arguments"),
        ({"status": None}, "invalid_arguments"),
        ({"thread_ts": None}, "invalid_arguments"),
        ({"title": "x" * 201}, "invalid_arguments"),
        ({"thread_ts": "1700000000.000001"}, "thread_not_found"),
        ({"channel_id": "C0NOWHERE"}, "channel_not_found"),
        ({"initiator_user_id": OTTO}, "user_not_in_channel"),
    ],
)
async def test_a_status_slack_would_refuse_is_refused(
    web: AsyncWebClient, ana: Person, changed: Json, error: str
) -> None:
    ts = await ana.post(BUILD, "build it")
    arguments = {"channel_id": BUILD, "thread_ts": ts, "status": "processing", **changed}
    answer = await refusal(web.api_call("agents.sessions.setStatus", json=arguments))
    assert answer["error"] == error


async def test_an_app_that_is_no_agent_has_no_sessions(tmp_path: Path) -> None:
    content = manifest()
    del content["features"]["agent_view"]
    async with running_workspace(manifest=write_manifest(tmp_path, content)) as ws:
        web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
        ts = (await web.chat_postMessage(channel=BUILD, text="hi"))["ts"]
        answer = await refusal(
            web.agents_sessions_setStatus(channel_id=BUILD, thread_ts=ts, status="active")
        )
    assert answer["error"] == "not_authorized"


async def test_without_the_stop_event_slack_warns_and_people_have_no_button(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, without_event(manifest(), "agent_session_stopped"))
    async with running_workspace(manifest=path) as ws, PeopleClient(ws.base_url) as people:
        web = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url)
        ts = (await web.chat_postMessage(channel=BUILD, text="hi"))["ts"]
        answer = await web.agents_sessions_setStatus(
            channel_id=BUILD, thread_ts=ts, status="processing"
        )
        assert answer["warning"] == "missing_agent_session_stopped_event_subscription"
        with pytest.raises(Refused, match="must subscribe to agent_session_stopped"):
            await people.person(ANA).stop(BUILD, ts)


async def test_nothing_can_be_stopped_where_nothing_runs(web: AsyncWebClient, ana: Person) -> None:
    ts = await ana.post(BUILD, "build it")
    await web.agents_sessions_setStatus(channel_id=BUILD, thread_ts=ts, status="active")
    with pytest.raises(Refused, match="Nothing is running in this thread"):
        await ana.stop(BUILD, ts)


async def test_the_status_line_goes_when_the_app_speaks(web: AsyncWebClient, ana: Person) -> None:
    ts = await ana.post(BUILD, "build it")
    await web.assistant_threads_setStatus(channel_id=BUILD, thread_ts=ts, status="is thinking…")
    (line,) = await ana.sessions()
    assert (line["text"], line["status"]) == ("is thinking…", "active")
    await web.chat_postMessage(channel=BUILD, thread_ts=ts, text="Done")
    assert await ana.sessions() == []


async def test_a_status_line_takes_ten_loading_messages_at_most(
    web: AsyncWebClient, ana: Person
) -> None:
    ts = await ana.post(BUILD, "build it")
    answer = await refusal(
        web.assistant_threads_setStatus(
            channel_id=BUILD, thread_ts=ts, status="x", loading_messages=["…"] * 11
        )
    )
    assert answer["error"] == "invalid_arguments"
