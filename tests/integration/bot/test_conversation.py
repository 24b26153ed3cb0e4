"""People in the local workspace click and write; the real approval and the poster answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from restate import Context, ObjectContext, ObjectSharedContext, Service, VirtualObject

from agent import protocol as p
from agent.approvals import approval
from agent.client import SessionClient
from agent.endpoint import Durable
from agent.person import person
from bot import names
from bot.app import build_app
from bot.socket_mode import Socket
from bot.views import picker as picker_view
from local.slack.client import Person
from tests.integration.bot.conftest import ANA, CHANNEL, TEAM, House, Stage, settings_for, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Agent:
    """As much of the agent as clicks and commands reach: what it was asked is kept."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.known: set[str] = set()
        session, download = VirtualObject(p.SESSION), Service(p.DOWNLOAD)

        @session.handler("stop")
        async def stop(ctx: ObjectContext, request: p.StopRequest) -> p.Nothing:
            self.asked.append(f"stop {request.thread.root_ts} by {request.by.name}")
            return p.Nothing()

        @session.handler("on_waiting")
        async def on_waiting(ctx: ObjectContext, news: p.Waiting) -> p.Nothing:
            return p.Nothing()

        @session.handler("on_feedback")
        async def on_feedback(ctx: ObjectContext, feedback: p.Feedback) -> p.Nothing:
            self.asked.append(f"{feedback.task}: {feedback.verdict} by {feedback.by.name}")
            return p.Nothing()

        @session.handler("read", kind="shared")
        async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.SessionView:
            thread = p.ThreadRef.parse(ctx.key())
            return p.SessionView(exists=ctx.key() in self.known, thread=thread)

        @download.handler("run")
        async def run(ctx: Context, request: p.DownloadRequest) -> p.Nothing:
            self.asked.append(f"download {request.thread.root_ts} by {request.by.name}")
            return p.Nothing()

        self.services: list[Durable] = [session, download, approval, person]

    async def heard(self) -> list[str]:
        return list(self.asked)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(house: House) -> AsyncIterator[Agent]:
    """The bot connected to the workspace by its socket, and that agent behind the engine."""
    serving = Agent()
    sessions = SessionClient(house.engine.server.ingress_url)
    settings = settings_for(house.workspace.api_url)
    async with house.engine.serve(serving.services), aiohttp.ClientSession() as http:
        socket = Socket(build_app(settings, sessions, http), "xapp-local-threadwright")
        await socket.connect()
        assert socket.connected
        yield serving
        await socket.close()
        await sessions.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def stage(house: House) -> Stage:
    """In the workspace's own team: what people do here comes back through the socket."""
    return await house.stage(TEAM)


async def ask(stage: Stage, **more: Any) -> tuple[p.ApprovalRequest, dict[str, Any]]:
    """Start a real approval; returns it with the card that shows it."""
    request = p.ApprovalRequest(
        approval=f"{stage.thread.key}/1/abc",
        thread=stage.thread,
        question="It deletes files.",
        command="rm -rf build",
        requester=ANA,
        expires_at=time.time() + 600,
    ).model_copy(update=more)
    key = quote(request.approval, safe=":")
    await stage.engine.send(f"{p.APPROVAL}/{key}/run", request.model_dump())
    [card] = await stage.until_replies(lambda shown: len(shown) == 1)
    return request, card


async def private(someone: Person, stage: Stage) -> list[str]:
    """What only this person sees in the thread."""
    shown = await someone.messages(CHANNEL, stage.thread.root_ts)
    return [message["text"] for message in shown if message["ephemeral"]]


async def test_the_wrong_person_is_refused_and_the_right_one_decides(
    agent: Agent, stage: Stage
) -> None:
    _, card = await ask(stage)
    ana, ben = stage.people.person("U0ANA"), stage.people.person("U0BEN")
    await ben.click(CHANNEL, card["ts"], names.APPROVE)
    [told] = await until(lambda: private(ben, stage), lambda texts: len(texts) == 1)
    assert told == "Only <@U0ANA> can answer this."
    await ana.click(CHANNEL, card["ts"], names.APPROVE)
    [decided] = await stage.until_replies(lambda s: "approved by Ana" in s[0]["text"])
    assert [block["type"] for block in decided["blocks"]] == [
        "section",
        "section",
        "rich_text",
        "context",
    ]
    assert "rm -rf build" in str(decided["blocks"])
    assert await private(ana, stage) == []


async def test_of_two_clicks_at_once_one_counts_and_the_other_is_told_the_truth(
    agent: Agent, stage: Stage
) -> None:
    _, card = await ask(stage, approvers=["U0BEN"])
    ana, ben = stage.people.person("U0ANA"), stage.people.person("U0BEN")
    await asyncio.gather(
        ana.click(CHANNEL, card["ts"], names.APPROVE), ben.click(CHANNEL, card["ts"], names.DENY)
    )
    decided, *_ = await stage.until_replies(  # Ana's answer for herself alone may be among them
        lambda s: "approved" in s[0]["text"] or "denied" in s[0]["text"]
    )
    approved = "approved by Ana" in decided["text"]
    loser = ben if approved else ana
    [told] = await until(lambda: private(loser, stage), lambda texts: len(texts) == 1)
    assert "closed before your click" in told
    assert ("*Approved* by <@U0ANA>" if approved else "*Denied* by <@U0BEN>") in told


async def test_a_user_group_decides_by_its_members_and_not_by_the_requester(
    agent: Agent, stage: Stage
) -> None:
    _, card = await ask(stage, approvers=["S0REVIEW"], four_eyes=True)
    ana, ben, cleo = (stage.people.person(f"U0{name}") for name in ("ANA", "BEN", "CLEO"))
    await cleo.click(CHANNEL, card["ts"], names.APPROVE)
    await ana.click(CHANNEL, card["ts"], names.APPROVE)
    [to_cleo] = await until(lambda: private(cleo, stage), lambda texts: len(texts) == 1)
    [to_ana] = await until(lambda: private(ana, stage), lambda texts: len(texts) == 1)
    assert to_cleo == "Only <@U0ANA>, <!subteam^S0REVIEW> can answer this."
    assert "somebody else must approve it: <!subteam^S0REVIEW>" in to_ana
    await ben.click(CHANNEL, card["ts"], names.APPROVE)
    await stage.until_replies(lambda s: "approved by Ben" in s[0]["text"])
    assert await private(ben, stage) == []


async def test_a_choice_is_answered_by_its_button(agent: Agent, stage: Stage) -> None:
    _, card = await ask(stage, kind="question", command="", options=["JSON", "SQLite"])
    ana = stage.people.person("U0ANA")
    await ana.click(CHANNEL, card["ts"], f"{names.ANSWER}:2")
    [decided] = await stage.until_replies(lambda s: "answered by Ana" in s[0]["text"])
    assert "*Answered* by <@U0ANA>" in str(decided["blocks"])
    assert "SQLite" in str(decided["blocks"][-1])


async def test_stop_by_button_by_word_and_by_slacks_own_button(agent: Agent, stage: Stage) -> None:
    agent.known.add(stage.thread.key)
    root, ana = stage.thread.root_ts, stage.people.person("U0ANA")
    steps = [p.StepLine(id="1", title="Work", status="in_progress")]
    await stage.show("presence", p.PresenceBody(state="processing"))
    await stage.show("plan:1", p.PlanBody(title="Plan", steps=steps))
    [plan] = await stage.until_replies(lambda shown: len(shown) == 1)
    await ana.click(CHANNEL, plan["ts"], names.STOP)
    await ana.post(CHANNEL, "Stop!", root)
    await until(lambda: _session(stage), lambda status: status == "processing")
    await ana.stop(CHANNEL, root)
    await until(agent.heard, lambda heard: heard.count(f"stop {root} by Ana") == 3)


async def _session(stage: Stage) -> str:
    sessions = await stage.people.person("U0ANA").sessions()
    return next((o["status"] for o in sessions if o["thread_ts"] == stage.thread.root_ts), "")


async def test_download_by_shortcut_and_by_the_picker_of_the_command(
    agent: Agent, house: House, stage: Stage
) -> None:
    other = await house.stage(TEAM)
    ana = stage.people.person("U0ANA")
    for thread in (stage.thread, other.thread):
        agent.known.add(thread.key)
        card = p.SessionCard(thread=thread, title="To-do", updated_at=1.0, status="idle")
        effect = f"card-{thread.key}"
        await house.engine.client.send(
            p.REMEMBER_SESSION, f"{TEAM}:U0ANA", card, key_of_effect=effect
        )
    await ana.shortcut(CHANNEL, stage.thread.root_ts, names.DOWNLOAD_SHORTCUT)
    await until(agent.heard, lambda heard: f"download {stage.thread.root_ts} by Ana" in heard)

    async def cards() -> int:
        return len(await house.engine.client.sessions_of(TEAM, "U0ANA"))

    await until(cards, lambda count: count >= 2)
    await ana.command(CHANNEL, names.COMMAND, "download")
    [view] = await until(ana.views, lambda views: len(views) == 1)
    choice = {"selected_option": {"value": other.thread.key}}
    values = {picker_view.BLOCK_ID: {picker_view.ACTION_ID: choice}}
    assert await ana.submit(view["id"], values) == {}
    await until(agent.heard, lambda heard: f"download {other.thread.root_ts} by Ana" in heard)
    shown = await until(
        lambda: ana.messages(CHANNEL), lambda all_: any(m["ephemeral"] for m in all_)
    )
    [told] = [message["text"] for message in shown if message["ephemeral"]]
    assert "The project is being packed; it will be posted in <http" in told


async def test_the_command_answers_in_private(agent: Agent, stage: Stage) -> None:
    ben = stage.people.person("U0BEN")
    await ben.command(CHANNEL, names.COMMAND, "help")

    async def told() -> list[str]:
        return [m["text"] for m in await ben.messages(CHANNEL) if m["ephemeral"]]

    [text] = await until(told, lambda texts: len(texts) == 1)
    assert "I build and change code" in text


async def test_a_new_socket_takes_over_without_a_gap(agent: Agent, stage: Stage) -> None:
    agent.known.add(stage.thread.key)
    await stage.people.reconnect_app()
    await stage.people.person("U0BEN").post(CHANNEL, "stop", stage.thread.root_ts)
    await until(agent.heard, lambda heard: f"stop {stage.thread.root_ts} by Ben" in heard)


async def test_a_guest_in_a_shared_channel_is_refused_in_private(
    agent: Agent, stage: Stage
) -> None:
    otto = stage.people.person("U0OTTO")
    for _ in range(2):
        await otto.post("C0GENERAL", "@threadwright build me a shop")

    async def told() -> list[str]:
        return [m["text"] for m in await otto.messages("C0GENERAL") if m["ephemeral"]]

    [text] = await until(told, lambda texts: len(texts) >= 1)
    await until(stage.people.unacked, lambda unacked: unacked == 0)
    assert "members of this workspace only" in text
    assert await told() == [text]


async def test_feedback_reaches_the_session_and_is_thanked_for_in_private(
    agent: Agent, stage: Stage
) -> None:
    body = p.ResultBody(task=f"{stage.thread.key}/1", outcome="done", summary="It works.")
    await stage.show("result:1", body, urgent=True)
    [shown] = await stage.until_replies(lambda s: len(s) == 1)
    ben = stage.people.person("U0BEN")
    value = shown["blocks"][-1]["elements"][0]["negative_button"]["value"]
    await ben.click(CHANNEL, shown["ts"], names.FEEDBACK, value=value)
    [told] = await until(lambda: private(ben, stage), lambda texts: len(texts) == 1)
    assert told.startswith("Thank you, noted: this result is not good.")
    task = f"{stage.thread.key}/1"
    await until(agent.heard, lambda heard: any(f"{task}: bad by Ben" in one for one in heard))
