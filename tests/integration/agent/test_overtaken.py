"""What becomes of messages, changes and stops that overtake each other."""

import time
from typing import Any

from agent import protocol as p
from local.model import Reply
from tests.integration.agent.driver import (
    ANA,
    BEN,
    THREAD,
    Agent,
    finish,
    is_planning,
    outputs,
    plan,
    shell,
    text_of,
)


def answers(request: dict[str, Any]) -> Reply:
    return plan(answer=text_of(request))


def standing(ts: str, text: str) -> p.ThreadMessage:
    return p.ThreadMessage(ts=ts, author=BEN, text=text)


def seconds_ago(seconds: float) -> str:
    return f"{time.time() - seconds:.6f}"


async def texts(agent: Agent) -> list[str]:
    return [entry.text for entry in await agent.history()]


async def test_what_was_said_before_anybody_addressed_us_is_no_instruction(
    make_agent: Any,
) -> None:
    async with make_agent(answers) as agent:
        await agent.deliver("1.000005", "first for us")
        await agent.result()
        await agent.deliver("1.000002", "chat", BEN, addressed=False)
        await agent.deliver("1.000009", "later", BEN, addressed=False)
        await agent.result(lambda body: "later" in body.summary)
        assert await texts(agent) == ["first for us", "later"]


async def test_a_plain_reply_alone_begins_no_session(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        await agent.deliver("1.000002", "chat", BEN, addressed=False)
        await agent.deliver("1.000005", "for us")
        await agent.result()
        assert await texts(agent) == ["for us"]


async def test_a_first_message_that_comes_late_takes_the_replies_to_it_along(
    make_agent: Any,
) -> None:
    async with make_agent(answers) as agent:
        agent.reader.standing = [
            standing("1.000001", "chat"),
            standing("1.000003", "reply to the late one"),
        ]
        await agent.deliver("1.000005", "second for us", catch_up=True)
        await agent.result()
        assert await texts(agent) == ["second for us"]
        await agent.deliver("1.000002", "first for us")
        await agent.result(lambda body: "first for us" in body.summary)
        await agent.idle()
        assert await texts(agent) == ["first for us", "reply to the late one", "second for us"]


async def test_replies_that_found_no_session_are_read_when_it_took_long_to_begin(
    make_agent: Any,
) -> None:
    async with make_agent(answers) as agent:
        agent.reader.standing = [standing(seconds_ago(5), "meanwhile")]
        await agent.deliver(seconds_ago(10), "for us")
        await agent.result(lambda body: "meanwhile" in body.summary)
        assert await texts(agent) == ["for us", "meanwhile"]


async def test_a_change_that_comes_before_the_session_begins_is_kept(make_agent: Any) -> None:
    async with make_agent(answers) as agent:
        await agent.edit("1.000002", "new", "1.000004")
        await agent.deliver("1.000002", "old")
        await agent.result(lambda body: "new" in body.summary)
        assert await texts(agent) == ["old", "new"]


def slow_until_stopped(request: dict[str, Any]) -> Reply:
    if not is_planning(request):
        return finish() if outputs(request) else shell("sleep 60")
    return plan(answer=text_of(request)) if "stopped:" in text_of(request) else plan("slow")


async def test_a_late_stop_leaves_what_was_written_after_it(make_agent: Any) -> None:
    async with make_agent(slow_until_stopped) as agent:
        await agent.deliver("1.000002", "before the stop")
        await agent.running_command()
        await agent.deliver("1.000006", "after the stop")
        stop = p.StopRequest(thread=THREAD, by=ANA, at="1.000004")
        await agent.engine.client.stop(stop, "stop-1")
        stopped = await agent.result(lambda body: body.outcome == "stopped")
        answered = await agent.result(lambda body: body.outcome == "answered")
        view = await agent.idle()
    assert "after the stop" in answered.summary
    assert (view.unread, view.tasks) == (0, 2), stopped


async def test_a_stop_ends_all_that_was_written_before_it(make_agent: Any) -> None:
    async with make_agent(slow_until_stopped) as agent:
        await agent.deliver("1.000002", "before the stop")
        await agent.running_command()
        stop = p.StopRequest(thread=THREAD, by=ANA, at="1.000004")
        await agent.engine.client.stop(stop, "stop-1")
        await agent.result(lambda body: body.outcome == "stopped")
        view = await agent.idle()
    assert (view.unread, view.tasks) == (0, 1)
