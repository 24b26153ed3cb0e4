"""Owns what a click on one of our messages means: an answer, Stop, Download, feedback.

Which thread or question is meant stands in the button's value; it is never worked out again from
the click, whose team id may be missing. But it must be one of the channel clicked in.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from agent.protocol import AnswerReceipt, ApprovalAnswer, Feedback, Person, ThreadRef
from bot import names
from bot.controls import Controls
from bot.groups import Groups, GroupUnknown
from bot.people import People
from bot.telling import privately
from bot.views import approval as approval_view
from bot.views import help as help_view

T = TypeVar("T")

UNREADABLE = (
    "I cannot read this button; it may be of another version of me. "
    "Please say in the thread what you would like."
)
THANKS = {
    "good": "Thank you, noted: this result is good.",
    "bad": "Thank you, noted: this result is not good. Reply in the thread and I go on from there.",
}


@dataclass(frozen=True)
class Click:
    """One click, by somebody who may click."""

    by: Person
    value: str
    channel: str
    root_ts: str
    identity: str
    """The same for a repeated delivery of this click."""
    at: float
    """Unix seconds, by Slack's clock."""

    @classmethod
    def read(cls, body: dict[str, Any], by: Person) -> "Click":
        action, container = body["actions"][0], body["container"]
        message = body.get("message") or {}
        ts = str(container["message_ts"])
        return cls(
            by=by,
            value=str(action.get("value") or ""),
            channel=str(container["channel_id"]),
            root_ts=str(message.get("thread_ts") or ts),
            identity=f"{ts}:{action['action_id']}:{action['action_ts']}",
            at=float(action["action_ts"]),
        )

    async def tell(self, context: AsyncBoltContext, said: str) -> None:
        """Say something to the one who clicked, beside what they clicked."""
        await privately(context, self.channel, self.by.user_id, said, self.root_ts)


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    desk = _Clicks(sessions, people)

    def means(
        read: Callable[[Click], T],
        do: Callable[[Click, T, AsyncBoltContext], Awaitable[None]],
    ) -> Callable[..., Awaitable[None]]:
        """A listener: who may click, what the button says, what is done."""

        async def listener(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
            if (click := await desk.admit(body, context)) is not None:
                try:
                    meant = read(click)
                except ValueError:
                    await click.tell(context, UNREADABLE)
                else:
                    await do(click, meant, context)
            await ack()

        return listener

    app.action(names.APPROVE)(means(partial(_decision, "approve"), desk.answer))
    app.action(names.DENY)(means(partial(_decision, "deny"), desk.answer))
    app.action(re.compile(rf"^{names.ANSWER}:\d+$"))(means(_choice, desk.answer))
    app.action(names.STOP)(means(_thread, desk.stop))
    app.action(names.DOWNLOAD)(means(_thread, desk.download))
    app.action(names.FEEDBACK)(means(_judgement, desk.feedback))


class _Clicks:
    def __init__(self, sessions: SessionClient, people: People) -> None:
        self._controls = Controls(sessions)
        self._sessions = sessions
        self._people = people
        self._groups = Groups()

    async def admit(self, body: dict[str, Any], context: AsyncBoltContext) -> Click | None:
        """The click, unless an outsider made it; they are told."""
        click = Click.read(body, await self._people.person(context, str(body["user"]["id"])))
        if not click.by.outsider:
            return click
        await click.tell(context, help_view.OUTSIDER)
        return None

    async def answer(self, click: Click, answer: ApprovalAnswer, context: AsyncBoltContext) -> None:
        """Hand over one person's answer; tell them when another one counts."""
        try:
            by = await self._with_groups(answer, context)
        except GroupUnknown as error:
            await click.tell(context, f"{error} Nothing was decided.")
            return
        receipt = await self._sessions.answer(answer.model_copy(update={"by": by}))
        if told := _told(receipt):
            await click.tell(context, told)

    async def _with_groups(self, answer: ApprovalAnswer, context: AsyncBoltContext) -> Person:
        """Who answers, with the group that lets them, if it takes one."""
        view = await self._sessions.peek(answer.approval)
        if view.request is None or view.outcome is not None:
            return answer.by
        approvers, asker = view.request.approvers, view.request.requester.user_id
        known = approvers if view.request.approvers_only else [asker, *approvers]
        if answer.by.user_id in known:
            return answer.by
        groups = [one for one in approvers if one.startswith("S")]
        member_of = await self._groups.one_with(context, answer.by.user_id, groups)
        return answer.by.model_copy(update={"groups": member_of})

    async def stop(self, click: Click, thread: ThreadRef, _context: AsyncBoltContext) -> None:
        await self._controls.stop(thread, click.by, click.identity)

    async def download(self, click: Click, thread: ThreadRef, _context: AsyncBoltContext) -> None:
        await self._controls.download(thread, click.by, click.identity)

    async def feedback(self, click: Click, feedback: Feedback, context: AsyncBoltContext) -> None:
        thread = ThreadRef.parse(_session_of(feedback.task))
        await self._sessions.feedback(thread, feedback)
        await click.tell(context, THANKS[feedback.verdict])


def _decision(decision: Literal["approve", "deny"], click: Click) -> ApprovalAnswer:
    return ApprovalAnswer(approval=_approval(click, click.value), by=click.by, decision=decision)


def _choice(click: Click) -> ApprovalAnswer:
    choice = approval_view.Choice.unpack(click.value)
    return ApprovalAnswer(
        approval=_approval(click, choice.approval),
        by=click.by,
        decision="answer",
        answer=choice.answer,
    )


def _thread(click: Click) -> ThreadRef:
    return _here(click, click.value)


def _approval(click: Click, key: str) -> str:
    """Raises ValueError for what is no question of this channel: `<task>/<action hash>`."""
    task, _, _ = key.rpartition("/")
    _here(click, _session_of(task))
    return key


def _here(click: Click, session: str) -> ThreadRef:
    """Raises ValueError for what is no session of the channel where the button stands."""
    thread = ThreadRef.parse(session)
    if thread.channel != click.channel:
        raise ValueError("This button names a thread of another channel.")
    return thread


def _judgement(click: Click) -> Feedback:
    """`good:<task>` or `bad:<task>`."""
    verdict, _, task = click.value.partition(":")
    _here(click, _session_of(task))
    value = {"task": task, "by": click.by, "verdict": verdict, "at": click.at}
    return Feedback.model_validate(value)


def _session_of(task: str) -> str:
    """Key of the session. Raises ValueError for what is no task's key."""
    session, _, number = task.rpartition("/")
    if not number.isdecimal():
        raise ValueError(f"{task!r} is not a task: expected session/number")
    return session


def _told(receipt: AnswerReceipt) -> str:
    """What the clicker is told; nothing when their answer is the one that counts."""
    if receipt.accepted:
        return ""
    if receipt.refusal:
        return receipt.refusal
    if receipt.outcome is not None:
        return f"This was closed before your click. {approval_view.outcome_line(receipt.outcome)}"
    return "This question is not open any more."
