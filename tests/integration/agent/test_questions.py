"""A question to people over the real engine, without a task: restarts, races, late answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from agent import protocol as p
from agent.approvals import approval
from local.restate.server import free_port
from tests.fakes.restate import Engine, running_engine
from tests.fakes.session import RecordedSession
from tests.fakes.thread import RecordedThreads
from tests.integration.agent.driver import (
    ANA,
    BEN,
    THREAD,
)
from tests.polling import until

TASK = f"{THREAD.key}/1"


class Asking:
    """Questions put directly to the workflow."""

    def __init__(self, engine: Engine, threads: RecordedThreads, session: RecordedSession) -> None:
        self.engine = engine
        self.threads = threads
        self.session = session
        self.services = [approval, *threads.services, session.service]
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
        await self.engine.send(place, request.model_dump(mode="json"))
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
        await self.engine.cancel(row["id"])

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
    soon = time.time() + 5
    async with asking.serving():
        early = await asking.ask("early", remind_at=soon)
        assert (await asking.answer(early, ANA, "approve")).accepted
        await asking.outcome(early)
        remind_at = max(soon, time.time() + 2)
        asked = await asking.ask(
            four_eyes=True, approvers=["S0OPS"], remind_at=remind_at, asked_at=remind_at - 3
        )
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
        failures = await asking.engine.failures()
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
