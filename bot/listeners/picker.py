"""Owns the answer to the modal that asks which session is meant."""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from bot import names
from bot.listeners.targets import Targets
from bot.people import People
from bot.telling import privately
from bot.views import help as help_view
from bot.views import modals
from bot.views import picker as picker_view


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    targets = Targets(sessions, people)

    async def on_choice(
        ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        verb, channel, thread = picker_view.chosen(view)
        by = await people.person(context, str(body["user"]["id"]))
        # the channel in a modal is only what we wrote there: membership is always asked
        problem = (
            help_view.OUTSIDER
            if by.outsider
            else await targets.problem(thread, by, asked_in="", context=context)
        )
        if problem:
            await ack(response_action="errors", errors={picker_view.BLOCK_ID: problem})
            return
        told = await targets.act(verb, thread, by, f"picker:{view['id']}", context)
        if await privately(context, channel, by.user_id, told):
            await ack()
        else:  # where we are not in the channel, nothing can be said there
            await ack(response_action="update", view=modals.notice(told))

    app.view(names.PICKER)(on_choice)
