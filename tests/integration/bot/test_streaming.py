"""Answers that appear bit by bit: in direct messages only, and once and whole whatever happens."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
import pytest_asyncio

from agent import protocol as p
from bot import streaming
from bot.app import slack_client
from bot.slack_api import SlackApi
from bot.thread import build_thread
from bot.views import render
from bot.workspace import build_workspace
from local.slack.client import PeopleClient
from local.slack.faults import Fault
from local.slack.server import running_workspace
from tests.fakes.restate import running_engine
from tests.integration.bot.conftest import ANA, MANIFEST, PATIENT, Stage, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUMMARY = "It works: the parser is there, and **all tests pass**. <!channel> is only text. " * 8
RESULT = "result:t/1"


@dataclass
class DirectMessages:
    api: SlackApi
    people: PeopleClient
    new_stage: Stage
    count: int = 0

    async def stage(self, channel: str = "D0ANA") -> Stage:
        """A thread of its own, with a budget of its own."""
        await self.people.clear_faults()
        ts = await self.people.person("U0ANA").post(channel, "please")
        self.count += 1
        thread = p.ThreadRef(team=f"T{self.count}", channel=channel, root_ts=ts)
        counts = await self.people.call_counts()
        return Stage(self.new_stage.engine, self.people, thread, counts_before=counts)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def direct(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DirectMessages]:
    async with (
        running_engine(tmp_path_factory.mktemp("restate")) as engine,
        running_workspace(manifest=MANIFEST, limits=PATIENT) as slack,
        PeopleClient(slack.base_url) as people,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http,
    ):
        api = SlackApi(slack_client(settings_for(slack.api_url), http))
        async with engine.serve([build_thread(api, stream_answers=True), build_workspace()]):
            nowhere = p.ThreadRef(team="T0", channel="D0ANA", root_ts="1.1")
            yield DirectMessages(api, people, Stage(engine, people, nowhere))


def body() -> p.ResultBody:
    return p.ResultBody(task="t/1", outcome="done", summary=SUMMARY, checks=["pytest"])


async def shown_whole(stage: Stage) -> dict[str, object]:
    """The one message of the thread, once it has its metadata and is no longer written."""
    await stage.show(RESULT, body(), urgent=True)
    await stage.until_replies(
        lambda s: len(s) == 1 and bool(s[0].get("metadata")) and not s[0].get("streaming")
    )
    await until(stage.pending, lambda n: n == 0)
    [message] = await stage.replies()
    assert "all tests pass" in str(message["blocks"])
    assert "pytest" in str(message["blocks"])
    assert "<!channel>" not in str(message)
    return message


async def test_an_answer_in_a_direct_message_is_written_bit_by_bit(
    direct: DirectMessages,
) -> None:
    stage = await direct.stage()
    message = await shown_whole(stage)
    calls = await stage.calls()
    assert calls["chat.startStream"] == calls["chat.stopStream"] == 1
    assert 1 <= calls["chat.appendStream"] <= streaming.MOST_PARTS
    assert set(calls) == {"chat.startStream", "chat.appendStream", "chat.stopStream"}
    assert str(message["text"]).strip() == streaming.text_of(body())


async def test_in_a_channel_it_is_one_ordinary_post(direct: DirectMessages) -> None:
    stage = await direct.stage("C0BUILD")
    await shown_whole(stage)
    assert await stage.calls() == {"chat.postMessage": 1}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="chat.startStream", kind="error", error="not_authorized"),
        Fault(method="chat.startStream", kind="ratelimited"),
        Fault(method="chat.startStream", kind="error"),
    ],
    ids=["refused", "limited", "failed"],
)
async def test_where_no_stream_begins_it_is_one_ordinary_post(
    direct: DirectMessages, fault: Fault
) -> None:
    stage = await direct.stage()
    await stage.people.inject(fault)
    await shown_whole(stage)
    assert (await stage.calls())["chat.postMessage"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(method="chat.startStream", kind="error_after_commit"),
        Fault(method="chat.appendStream", kind="ratelimited"),
        Fault(method="chat.appendStream", kind="error", error="message_not_in_streaming_state"),
        Fault(method="chat.appendStream", kind="error_after_commit"),
        Fault(method="chat.stopStream", kind="error"),
        Fault(method="chat.stopStream", kind="error_after_commit"),
        Fault(method="chat.stopStream", kind="ratelimited", times=2),
    ],
    ids=lambda f: f"{f.method}-{f.error or f.kind}",
)
async def test_a_stream_that_breaks_is_mended_by_an_edit_of_the_same_message(
    direct: DirectMessages, fault: Fault
) -> None:
    stage = await direct.stage()
    await stage.people.inject(fault)
    message = await shown_whole(stage)
    calls = await stage.calls()
    assert calls["chat.startStream"] == 1
    assert "chat.postMessage" not in calls
    assert message["text"] == render(body(), stage.thread.key).text


async def test_a_stream_begun_before_a_crash_is_found_by_what_it_begins_with(
    direct: DirectMessages,
) -> None:
    """The process ended after Slack had begun the message and before its ts was kept."""
    stage = await direct.stage()
    text, since = streaming.text_of(body()), float(stage.thread.root_ts)
    before = await direct.api.begin()
    begun = await direct.api.start_stream(
        before.token, stage.thread, RESULT, text[:50], text, since=since
    )
    again = await direct.api.start_stream(
        "token of a new process", stage.thread, RESULT, text[:50], text, since=since
    )
    assert (again.found, again.ts) == (True, begun.ts)
    assert (await stage.calls())["chat.startStream"] == 1
    assert ANA.user_id not in text
