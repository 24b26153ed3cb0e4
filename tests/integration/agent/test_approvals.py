"""Questions to people over the real engine: clicks, written replies, stops, restarts, reminders."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent.approvals import approval
from agent.endpoint import Durable
from local.model import Reply, call
from local.restate.server import free_port
from tests.fakes.restate import Engine, running_engine
from tests.fakes.thread import RecordedThreads
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

RISKY = "git clean -fdX"


# --- with the whole agent -------------------------------------------------------------------------


def risky_script(request: dict[str, Any]) -> Reply:
    if is_planning(request):
        return plan("tidy") if "never mind" not in text_of(request) else plan("other")
    if "Current step: other" in text_of(request):
        return finish("Left it.")
    return finish(json.dumps(outputs(request)[-1])) if outputs(request) else shell(RISKY)


async def outcome_of(agent: Agent) -> p.ApprovalOutcome:
    card = await agent.threads.until(p.ApprovalBody, lambda b: b.outcome is not None)
    assert card.outcome is not None
    return card.outcome


def planned_with(agent: Agent) -> str:
    """What the last planning was told."""
    return text_of([seen.body for seen in agent.model.requests if is_planning(seen.body)][-1])


async def test_a_risky_command_waits_for_the_right_person(make_agent: Any) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        assert request.command == RISKY
        while (await agent.engine.client.read(THREAD)).status != "waiting":
            await asyncio.sleep(0.02)
        wrong = await agent.answer(request, BEN, "approve")
        assert (wrong.accepted, wrong.refusal) == (False, "Only <@U0ANA> can answer this.")
        assert (await agent.answer(request, ANA, "approve")).accepted
        second = await agent.answer(request, ANA, "deny")
        assert not second.accepted
        assert second.outcome is not None
        assert second.outcome.verdict == "approved"
        result = await agent.result()
    assert result.outcome == "done"
    assert '"exit_code"' in result.summary


async def test_a_denied_command_is_not_run_and_the_model_is_told(make_agent: Any) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        assert (await agent.answer(await agent.approval(), ANA, "deny")).accepted
        result = await agent.result()
    assert "Ana denied this command." in result.summary


async def test_a_written_reply_denies_the_command_and_is_planned_with(make_agent: Any) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        await agent.say("never mind, leave it")
        outcome = await outcome_of(agent)
        late = await agent.answer(request, ANA, "approve")
        result = await agent.result()
        planned = planned_with(agent)
    assert (outcome.verdict, outcome.by, outcome.message) == ("denied", ANA, "never mind, leave it")
    assert (late.accepted, late.outcome) == (False, outcome)
    assert f"It had asked: approval of the command {RISKY}" in planned
    assert result.summary == "Left it."


async def test_a_message_of_somebody_who_may_not_answer_withdraws_the_question(
    make_agent: Any,
) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        await agent.say("never mind, leave it", BEN)
        outcome = await outcome_of(agent)
        late = await agent.answer(request, ANA, "approve")
        await agent.result()
    assert (outcome.verdict, outcome.by) == ("withdrawn", BEN)
    assert (late.accepted, late.outcome) == (False, outcome)


async def test_a_question_is_answered_by_a_reply(make_agent: Any) -> None:
    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("choose") if "SQLite" not in text_of(request) else plan("other")
        if "Current step: other" in text_of(request):
            return finish("With SQLite.")
        return Reply(calls=(call("ask_user", {"question": "Which store?", "options": None}),))

    async with make_agent(script) as agent:
        await agent.say("store it")
        await agent.approval()
        await agent.say("SQLite")
        outcome = await outcome_of(agent)
        result = await agent.result()
        planned = planned_with(agent)
    assert (outcome.verdict, outcome.by, outcome.message) == ("answered", ANA, "SQLite")
    assert "It had asked: Which store?" in planned
    assert result.summary == "With SQLite."


async def test_a_stop_withdraws_the_question_and_says_who_stopped(make_agent: Any) -> None:
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        await agent.approval()
        await agent.engine.client.stop(p.StopRequest(thread=THREAD, by=BEN), "stop-1")
        outcome = await outcome_of(agent)
        result = await agent.result()
        view = await agent.idle()
        await agent.threads.until(p.PresenceBody, lambda b: b.state == "active")
        shown = [e for e in agent.threads.events if e.slot == "presence"]
    states = {e.rev: e.body.state for e in shown if isinstance(e.body, p.PresenceBody)}
    assert ("suspended" in states.values(), states[max(states)]) == (True, "active")
    assert (outcome.verdict, outcome.by, outcome.message) == ("withdrawn", BEN, "")
    assert (result.outcome, view.status) == ("stopped", "idle")


FOUR_EYES = """
[[rules]]
id = "discard"
decision = "ask"
four_eyes = true
reason = "throws files away"
argv = ["git", "clean"]
"""


async def test_a_rule_that_wants_four_eyes_lets_the_requester_deny_only(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text(FOUR_EYES)
    monkeypatch.setenv("THREADWRIGHT_POLICY_FILE", str(tmp_path / "policy.toml"))
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        own = await agent.answer(request, ANA, "approve")
        assert (await agent.answer(request, BEN, "approve")).accepted
        result = await agent.result()
    assert "somebody else must approve it" in own.refusal
    assert '"exit_code"' in result.summary


async def test_an_approval_nobody_answers_expires(
    make_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THREADWRIGHT_APPROVAL_SECONDS", "2")
    monkeypatch.setenv("THREADWRIGHT_REMINDER_SECONDS", "1")
    async with make_agent(risky_script) as agent:
        await agent.say("tidy up")
        reminder = await agent.threads.until(p.NoteBody, lambda b: "Still waiting" in b.text)
        result = await agent.result()
        outcome = await outcome_of(agent)
    assert reminder.mentions == ["U0ANA"]
    assert (outcome.verdict, outcome.by) == ("expired", None)
    assert "expired" in result.summary


@pytest.mark.parametrize("scene", ["click", "reply"])
async def test_asking_replays_from_its_journal_at_every_await(make_agent: Any, scene: str) -> None:
    async with make_agent(risky_script, replay_always=True) as agent:
        await agent.say("tidy up")
        request = await agent.approval()
        if scene == "click":
            assert (await agent.answer(request, ANA, "approve")).accepted
        else:
            await agent.say("never mind")
        result = await agent.result()
        failures = await agent.engine.query(
            "select target, last_failure from sys_invocation where last_failure is not null"
        )
    assert result.outcome == "done"
    assert failures == []


# --- the question alone ---------------------------------------------------------------------------

TASK = f"{THREAD.key}/1"


@dataclass
class RecordedSession:
    """Stands in for the session: answers what a test says was written, when the test lets it."""

    unread: p.Unread = field(default_factory=lambda: p.Unread(messages=[]))
    waiting: list[bool] = field(default_factory=list)
    reads: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def services(self) -> list[Durable]:
        session = VirtualObject(p.SESSION)

        @session.handler(kind="shared")
        async def read_unread(ctx: ObjectSharedContext, request: p.ReadRequest) -> p.Unread:
            self.reads += 1
            await self.open.wait()
            return self.unread

        @session.handler()
        async def on_waiting(ctx: ObjectContext, news: p.Waiting) -> p.Nothing:
            assert news.task == TASK
            if self.waiting[-1:] != [news.waiting]:  # it may run twice
                self.waiting.append(news.waiting)
            return p.Nothing()

        return [session]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


class Asking:
    """Questions put directly to the workflow."""

    def __init__(self, engine: Engine, threads: RecordedThreads, session: RecordedSession) -> None:
        self.engine = engine
        self.threads = threads
        self.session = session
        self.services = [approval, *threads.services, *session.services]
        self.port = free_port()

    def serving(self) -> Any:
        """The process; entered again it is the same one, started anew."""
        return self.engine.serve(self.services, port=self.port)

    async def ask(self, name: str = "q", **changes: Any) -> p.ApprovalRequest:
        """Until its card is there."""
        request = p.ApprovalRequest(
            approval=f"{TASK}/{name}",
            thread=THREAD,
            question="This command publishes.",
            command="git push",
            requester=ANA,
            seen_seq=1,
            expires_at=time.time() + 600,
        ).model_copy(update=changes)
        place = f"Approval/{quote(request.approval, safe='')}/run"
        url = f"{self.engine.server.ingress_url}/restate/send/{place}"
        body = request.model_dump(mode="json")
        async with aiohttp.ClientSession() as http, http.post(url, json=body) as response:
            response.raise_for_status()
        await self.threads.until(p.ApprovalBody, lambda b: b.request == request)
        return request

    async def answer(
        self, request: p.ApprovalRequest, by: p.Person, decision: str
    ) -> p.AnswerReceipt:
        made = {"approval": request.approval, "by": by, "decision": decision}
        return await self.engine.client.answer(p.ApprovalAnswer.model_validate(made))

    async def outcome(self, request: p.ApprovalRequest) -> p.ApprovalOutcome:
        card = await self.threads.until(
            p.ApprovalBody,
            lambda b: b.outcome is not None and b.request.approval == request.approval,
        )
        assert card.outcome is not None
        return card.outcome

    async def cancel(self, request: p.ApprovalRequest) -> None:
        [row] = await self.engine.query(
            "select id from sys_invocation where target_handler_name = 'run' "
            f"and target_service_key = '{request.approval}'"
        )
        url = f"{self.engine.server.admin_url}/invocations/{row['id']}/cancel"
        async with aiohttp.ClientSession() as http, http.patch(url) as response:
            response.raise_for_status()

    async def reads(self, count: int) -> None:
        await until(lambda: self.session.reads >= count)

    @property
    def reminders(self) -> list[p.ThreadEvent]:
        return [e for e in self.threads.events if e.slot.startswith("note:reminder:")]


@pytest.fixture
async def asking(tmp_path: Path) -> AsyncIterator[Asking]:
    async with running_engine(tmp_path / "restate") as engine:
        yield Asking(engine, RecordedThreads(), RecordedSession())


@asynccontextmanager
async def replaying(asking: Asking) -> AsyncIterator[None]:
    async with asking.serving():
        await asking.engine.replay_always([approval])
        yield


async def test_a_question_and_its_one_reminder_survive_a_restart(asking: Asking) -> None:
    remind_at = time.time() + 3
    async with asking.serving():
        asked = await asking.ask(
            four_eyes=True, approvers=["S0OPS"], remind_at=remind_at, asked_at=remind_at - 3
        )
        early = await asking.ask("early", remind_at=remind_at)
        assert (await asking.answer(early, ANA, "approve")).accepted
        await asking.outcome(early)
    assert time.time() < remind_at
    await asyncio.sleep(remind_at - time.time())  # nobody is there when it is due

    async with asking.serving():
        note = await asking.threads.until(p.NoteBody, lambda _: True)
        assert (await asking.engine.client.peek(asked.approval)).request == asked
        refused = await asking.answer(asked, ANA, "approve")
        carl = p.Person(user_id="U0CARL", groups=["S0OPS"])
        receipt = await asking.answer(asked, carl, "approve")
        outcome = await asking.outcome(asked)
    async with asking.serving():
        view = await asking.engine.client.peek(asked.approval)
    assert note.mentions == ["U0ANA", "S0OPS"]
    assert [e.slot for e in asking.reminders] == [f"note:reminder:{asked.approval}"]
    assert "<!subteam^S0OPS>" in refused.refusal
    assert (receipt.accepted, outcome.verdict, outcome.by) == (True, "approved", carl)
    assert view.outcome == outcome


async def test_an_unknown_question_is_said_to_be_closed(asking: Asking) -> None:
    async with asking.serving():
        await asking.ask()
        unknown = f"{TASK}/never asked"
        view = await asking.engine.client.peek(unknown)
        gone = p.ApprovalAnswer(approval=unknown, by=ANA, decision="approve")
        receipt = await asking.engine.client.answer(gone)
    assert view == p.ApprovalView()
    assert receipt == p.AnswerReceipt(accepted=False, refusal="This question is not open any more.")


@pytest.mark.parametrize("replay_always", [False, True])
async def test_a_stop_right_after_a_message_still_closes_the_card(
    asking: Asking, replay_always: bool
) -> None:
    async with replaying(asking) if replay_always else asking.serving():
        asked = await asking.ask(remind_at=time.time() + 0.3)
        await asking.threads.until(p.NoteBody, lambda _: True)
        await asking.cancel(asked)
        await asking.reads(1)  # it asks why, and gets no answer yet
        await asking.cancel(asked)
        await asking.reads(2)
        asking.session.unread = p.Unread(messages=[], stopping=BEN)
        asking.session.open.set()
        outcome = await asking.outcome(asked)
        await until(lambda: asking.session.waiting == [True, False])
        assert asking.threads.bodies(p.PresenceBody) == []  # the session's, which may have ended
        failures = await asking.engine.query(
            "select target, last_failure from sys_invocation where last_failure is not null"
        )
    assert (outcome.verdict, outcome.by) == ("withdrawn", BEN)
    assert failures == []


async def test_of_a_click_and_a_message_at_once_the_first_counts_and_is_shown(
    asking: Asking,
) -> None:
    reply = p.HistoryEntry(seq=2, ts="2.0", author=ANA, text="no")
    asking.session.unread = p.Unread(messages=[reply], last_seq=2)
    async with asking.serving():
        clicked = await asking.ask("clicked")
        await asking.cancel(clicked)
        await asking.reads(1)  # the message is there; the question is not closed yet
        assert (await asking.answer(clicked, ANA, "approve")).accepted
        asking.session.open.set()
        assert (await asking.outcome(clicked)).verdict == "approved"

        written = await asking.ask("written")
        await asking.cancel(written)
        outcome = await asking.outcome(written)
        late = await asking.answer(written, ANA, "approve")
    assert (outcome.verdict, outcome.message) == ("denied", "no")
    assert (late.accepted, late.outcome) == (False, outcome)


async def test_a_doubt_of_the_models_is_asked_runs_nothing_and_guards_nothing(
    make_agent: Any,
) -> None:
    def doubt(action: str, command: str | None) -> Reply:
        given = {"action": action, "why": "It cannot be undone.", "command": command}
        return Reply(calls=(call("request_approval", given),))

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("clean")
        done = outputs(request)
        turns = [
            doubt("Drop the table", "touch dropped"),
            doubt("Push", "git push origin main"),
            doubt("Delete the old data", None),
            shell("ls"),
        ]
        return turns[len(done)] if len(done) < len(turns) else finish(str(done))

    async with make_agent(script) as agent:
        await agent.say("clean up")
        first = await agent.approval()
        assert (first.command, first.kind) == ("touch dropped", "command")
        assert first.question == "Drop the table (It cannot be undone.)"
        assert (await agent.answer(first, ANA, "approve")).accepted
        bodies = agent.threads
        second = await bodies.until(
            p.ApprovalBody, lambda b: b.outcome is None and b.request.approval != first.approval
        )
        assert second.request.command == "Delete the old data"
        assert (await agent.answer(second.request, ANA, "deny")).accepted
        result = await agent.result()
    assert "'approved': 'Drop the table', 'by': 'Ana'" in result.summary
    assert "'error': 'not_needed'" in result.summary
    assert "'detail': 'Ana denied this.'" in result.summary
    assert "'output': ''" in result.summary
