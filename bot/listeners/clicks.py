"""Owns what a click on one of our messages means: an answer, Stop, Download, feedback.

Which thread or question is meant stands in the button's value; it is never worked out again from
the click, whose team id may be missing.
"""

import logging
import re
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from agent.protocol import AnswerReceipt, ApprovalAnswer, Person, ThreadRef
from bot import names
from bot.controls import Controls
from bot.listeners.telling import privately
from bot.people import People
from bot.views import approval as approval_view
from bot.views import help as help_view

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Click:
    """One click, by somebody who may click."""

    by: Person
    value: str
    channel: str
    root_ts: str
    identity: str
    """The same for a repeated delivery of this click."""

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
        )


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    desk = _Clicks(sessions, people)

    async def on_answer(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        if (click := await desk.admit(body, context)) is not None:
            await desk.answer(click, str(body["actions"][0]["action_id"]), context)
        await ack()

    async def on_stop(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        if (click := await desk.admit(body, context)) is not None:
            await desk.controls.stop(ThreadRef.parse(click.value), click.by, click.identity)
        await ack()

    async def on_download(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        if (click := await desk.admit(body, context)) is not None:
            await desk.controls.download(ThreadRef.parse(click.value), click.by, click.identity)
        await ack()

    async def on_feedback(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        if (click := await desk.admit(body, context)) is not None:
            verdict, _, task = click.value.partition(":")
            log.info("feedback", extra={"verdict": verdict, "task": task, "by": click.by.user_id})
            thanks = "Thank you, that is noted."
            await privately(context, click.channel, click.by.user_id, thanks, click.root_ts)
        await ack()

    app.action(names.APPROVE)(on_answer)
    app.action(names.DENY)(on_answer)
    app.action(re.compile(rf"^{names.ANSWER}:\d+$"))(on_answer)
    app.action(names.STOP)(on_stop)
    app.action(names.DOWNLOAD)(on_download)
    app.action(names.FEEDBACK)(on_feedback)


class _Clicks:
    def __init__(self, sessions: SessionClient, people: People) -> None:
        self.controls = Controls(sessions)
        self._sessions = sessions
        self._people = people

    async def admit(self, body: dict[str, Any], context: AsyncBoltContext) -> Click | None:
        """The click, unless an outsider made it; they are told."""
        click = Click.read(body, await self._people.person(context, str(body["user"]["id"])))
        if not click.by.outsider:
            return click
        who = click.by.user_id
        await privately(context, click.channel, who, help_view.OUTSIDER, click.root_ts)
        return None

    async def answer(self, click: Click, action_id: str, context: AsyncBoltContext) -> None:
        """Hand over one person's answer; tell them when another one counts."""
        answer = _answer(click, action_id)
        told = _told(await self._sessions.answer(answer))
        if told:
            await privately(context, click.channel, click.by.user_id, told, click.root_ts)


def _answer(click: Click, action_id: str) -> ApprovalAnswer:
    if action_id == names.APPROVE:
        return ApprovalAnswer(approval=click.value, by=click.by, decision="approve")
    if action_id == names.DENY:
        return ApprovalAnswer(approval=click.value, by=click.by, decision="deny")
    choice = approval_view.Choice.unpack(click.value)
    return ApprovalAnswer(
        approval=choice.approval, by=click.by, decision="answer", answer=choice.answer
    )


def _told(receipt: AnswerReceipt) -> str:
    """What the clicker is told; nothing when their answer is the one that counts."""
    if receipt.accepted:
        return ""
    if receipt.refusal:
        return receipt.refusal
    if receipt.outcome is not None:
        return f"This was decided before your click. {approval_view.outcome_line(receipt.outcome)}"
    return "This question is not open any more."
