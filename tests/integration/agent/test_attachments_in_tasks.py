"""Attached files in a whole task: seen by the model, kept through losses, withdrawn by a stop."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent import protocol as p
from local.model import Reply
from sandbox.backend import current_backend
from sandbox.errors import Fenced
from sandbox.protocol import AcquireRequest, Lease
from tests.integration.agent.attaching import (
    MB,
    Tickets,
    attachment,
    content,
)
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
from tests.integration.agent.test_losses import lose_everything, until_written

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


async def say_with_files(agent: Agent, *files: p.Attachment) -> None:
    words = p.UserMessage(
        thread=THREAD, ts=THREAD.root_ts, author=ANA, text="what is this?", files=list(files)
    )
    await agent.engine.client.send_message(words)


async def test_planner_and_worker_see_an_image_and_a_lost_sandbox_gets_the_files_again(
    make_agent: Any, sandboxes: Path, tickets: Tickets
) -> None:
    tickets.answers = [content(PNG), content(b"1,2")] * 2
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    seen: list[tuple[str, list[str]]] = []
    tries = 0

    def script(request: dict[str, Any]) -> Reply:
        nonlocal tries
        role = "planner" if is_planning(request) else "worker"
        text, *images = request["input"][0]["content"]
        assert (
            "<Ana> what is this?\n(attached: inbox/shot.png, 72 bytes)\n"
            "(attached: inbox/data.csv, 3 bytes)"
        ) in text["text"]
        seen.append((role, [image["image_url"] for image in images]))
        if role == "planner":
            return plan("look")
        done = outputs(request)
        if done:
            return finish(done[0]["output"])
        tries += 1
        wait = "touch begun; sleep 60" if tries == 1 else ""
        return shell(f"cat inbox/data.csv; {wait}")

    async with make_agent(script) as agent, agent.engine.serve([tickets.service]):
        await say_with_files(
            agent, attachment("shot.png", mimetype="image/png"), attachment("data.csv", "F2")
        )
        await until_written(sandboxes, "begun")
        await lose_everything(sandboxes)
        result = await agent.result()
        journal = json.dumps(await agent.engine.query("select * from sys_journal"))
    assert (result.outcome, result.summary) == ("done", "1,2")
    assert seen == [("planner", [url]), *[("worker", [url])] * (len(seen) - 1)]
    assert tries == 2
    assert len(tickets.asked) == 4
    assert base64.b64encode(PNG).decode()[:24] not in journal


async def test_a_stop_while_files_are_taken_in_leaves_none_and_late_writes_are_refused(
    make_agent: Any, tickets: Tickets
) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-length": str(10 * MB)})
        await response.prepare(request)
        await response.write(bytes(5 * MB))  # more than one part: something is in the sandbox
        begun.set()
        await over.wait()
        return response

    tickets.answers = [hang]
    acquire = p.Handler("Sandbox", "acquire", AcquireRequest, Lease)
    async with (
        make_agent(lambda _: plan(answer="Here I am.")) as agent,
        agent.engine.serve([tickets.service]),
    ):
        await say_with_files(agent, attachment("a.bin"))
        await asyncio.wait_for(begun.wait(), 90)
        lease = await agent.engine.client.call(acquire, THREAD.key, AcquireRequest(owner="test"))
        with pytest.raises(Fenced):
            await current_backend().write(lease.ref, "inbox/a.bin", b"late", 999)
        await agent.engine.client.stop(p.StopRequest(thread=THREAD, by=BEN), "stop-1")
        stopped = await agent.result()
        await agent.idle()
        await agent.deliver("2.000000", "are you there?")
        again = await agent.result(lambda body: body.outcome == "answered")
        listing = await current_backend().list_files(lease.ref, ".", 100)
    over.set()
    assert (stopped.outcome, stopped.summary.partition(".")[0]) == ("stopped", "Ben stopped it")
    assert again.summary == "Here I am."
    assert [info.path for info in listing.files if info.kind == "file"] == []
    assert len(tickets.asked) == 1


async def test_a_file_that_cannot_be_taken_does_not_end_the_task(
    make_agent: Any, tickets: Tickets
) -> None:
    tickets.problem = "It was deleted from Slack."

    def script(request: dict[str, Any]) -> Reply:
        text = text_of(request)
        assert "(attached a.txt could not be taken: It was deleted from Slack.)" in text
        return plan(answer="I cannot see the file.")

    async with make_agent(script) as agent, agent.engine.serve([tickets.service]):
        await say_with_files(agent, attachment("a.txt"))
        result = await agent.result()
    assert (result.outcome, result.summary) == ("answered", "I cannot see the file.")
