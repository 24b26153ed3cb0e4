"""What Slack refuses in some workspaces costs a nicety there, never the conversation."""

import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from local.slack.faults import Fault
from local.slack.workspace import Admin
from tests.e2e.thread import WatchedThread
from tests.e2e.world import POEM, World, poem_in, running_world, text_all

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHANNEL = "C0BUILD"
PLAN = "plan:"
"""How the slot of a plan begins, in the metadata of its message."""
SESSIONS, STATUS_LINE = "agents.sessions.setStatus", "assistant.threads.setStatus"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_world() -> AsyncIterator[World]:
    async with running_world() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def world(shared_world: World) -> AsyncIterator[World]:
    yield shared_world
    await shared_world.people.clear_faults()
    await shared_world.people.decide(Admin())


async def refuse(world: World, method: str, error: str, times: int = 1000, match: str = "") -> None:
    fault = Fault(method=method, kind="error", error=error, times=times, match=match)
    await world.people.inject(fault)


async def calls_of(world: World, method: str, thread: WatchedThread) -> list[bool]:
    """Whether each of them went well."""
    calls = await world.people.calls(method)
    return [c["ok"] for c in calls if thread.root in str(c["args"])]


async def test_where_sessions_are_refused_the_older_status_line_is_shown(world: World) -> None:
    await refuse(world, SESSIONS, "not_authorized")
    thread = await world.starts("U0ANA", CHANNEL, "@threadwright write a poem")
    assert "A poem is written." in (await thread.result())["text"]
    assert await calls_of(world, SESSIONS, thread) == [False]
    shown = await calls_of(world, STATUS_LINE, thread)
    assert shown
    assert all(shown)


async def test_where_the_status_line_is_refused_too_the_thread_goes_without(world: World) -> None:
    await refuse(world, SESSIONS, "not_authorized")
    await refuse(world, STATUS_LINE, "not_allowed_token_type")
    thread = await world.starts("U0ANA", CHANNEL, "@threadwright write a poem")
    assert "A poem is written." in (await thread.result())["text"]
    await thread.reply("And once more?")
    await thread.until(lambda m: "once more" in text_all(m) and "bot_id" in m)
    assert await calls_of(world, SESSIONS, thread) == [False]
    assert await calls_of(world, STATUS_LINE, thread) == [False]


@pytest.mark.parametrize(("refusals", "looks"), [(1, "a checklist"), (2, "plain words")])
async def test_where_the_plan_block_is_refused_the_plan_is_shown_plainer(
    world: World, refusals: int, looks: str
) -> None:
    await refuse(world, "chat.postMessage", "invalid_blocks", refusals, match=PLAN)
    thread = await world.starts("U0ANA", CHANNEL, "@threadwright write a poem")
    assert "A poem is written." in (await thread.result())["text"]
    plan = await thread.until(lambda m: "1 of 1 step done" in m["text"])
    assert ("☑ Write" in text_all(plan)) is (looks == "a checklist")
    assert '"type": "plan"' not in text_all(plan)


async def test_where_uploads_are_off_the_project_comes_by_a_link_if_there_may_be_one(
    world: World,
) -> None:
    await world.people.decide(Admin(file_uploads_disabled=True))
    thread = await world.starts("U0ANA", CHANNEL, "@threadwright write a poem")
    await thread.click(await thread.result(), "project_download")
    await thread.until(lambda m: "An operator can set THREADWRIGHT_PUBLIC_URL" in m["text"])

    agent = world.cloud.agent
    await agent.stop()
    url = agent.health.removesuffix("/health")
    agent.set(THREADWRIGHT_PUBLIC_URL=url, THREADWRIGHT_LINK_SECRET="a secret of the test")
    await agent.start()
    await agent.until_ready()
    await thread.reply("download")
    note = await thread.until(lambda m: f"{url}/projects/" in text_all(m))
    assert "switched file uploads off" in note["text"]
    (link,) = set(re.findall(rf"{url}/projects/[^|>\"]+", text_all(note)))
    async with aiohttp.ClientSession() as http, http.get(link) as response:
        assert response.status == 200
        assert poem_in(await response.read()) == POEM


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault(method="conversations.replies", kind="error", error="missing_scope"), "did not let"),
        (Fault(method="conversations.replies", kind="ratelimited", retry_after=60), "too busy"),
        (Fault(method="conversations.replies", kind="ratelimited", retry_after=1), ""),
    ],
    ids=["refused", "throttled for long", "throttled for a moment"],
)
async def test_a_mention_in_the_middle_of_a_thread_is_answered_even_if_the_thread_is_not_read(
    world: World, fault: Fault, problem: str
) -> None:
    thread = await world.starts("U0BEN", CHANNEL, f"The word is {problem or 'open'}.")
    await world.people.inject(fault.model_copy(update={"match": thread.root}))
    await thread.seen_by(world.people.person("U0ANA")).reply("@threadwright what is the word?")
    assert "Heard: what is the word?" in (await thread.result())["text"]
    if problem:
        await thread.until(lambda m: problem in m["text"] and "said here before" in m["text"])
    assert world.reached_model(f"The word is {problem or 'open'}.") is (problem == "")


async def test_without_the_permission_to_react_there_is_no_reaction_and_no_fuss(
    world: World,
) -> None:
    await refuse(world, "reactions.add", "missing_scope")
    thread = await world.starts("U0ANA", CHANNEL, "@threadwright do you see this?")
    assert "Heard: do you see this?" in (await thread.result())["text"]
    assert (await thread.messages())[0]["reactions"] == []
    assert await calls_of(world, "reactions.add", thread) == [False]
