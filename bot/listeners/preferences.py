"""Owns the modal of preferences: who may open it and for whom, and keeping what was chosen."""

import asyncio
import logging
import time
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.errors import SlackApiError

from agent.client import IngressError, SessionClient
from agent.protocol import Person, SavePreferences
from bot import names
from bot.listeners import home
from bot.listeners.modals import Answer, as_modal
from bot.people import People
from bot.threads import team_of
from bot.views import help as help_view
from bot.views import preferences as view_of
from bot.views.blocks import Rendered
from bot.views.preferences import BadChoice, Owner

log = logging.getLogger(__name__)

HOME_SECONDS = 0.7
"""The submitted modal waits for its answer while App Home is refreshed."""
NOT_IN_CHANNEL = "Only people in that channel can set this, and I must be in it too: invite me."


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    desk = Preferences(sessions, people)

    async def on_open(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        trigger_id, user_id = str(body["trigger_id"]), str(body["user"]["id"])
        await as_modal(context, trigger_id, desk.ask(Owner("person", user_id), user_id, context))
        await ack()

    async def on_submit(
        ack: AsyncAck, body: dict[str, Any], view: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        by = await people.person(context, str(body["user"]["id"]))
        try:
            owner = await desk.keep(view, by, context)
        except BadChoice as refused:
            await ack(response_action="errors", errors={refused.field: str(refused)})
            return
        await ack(response_action="update", view=view_of.saved(owner))
        await desk.show_at_home(by, context)

    app.action(names.OPEN_PREFERENCES)(on_open)
    app.view(names.PREFERENCES)(on_submit)


class Preferences:
    def __init__(self, sessions: SessionClient, people: People) -> None:
        self._sessions = sessions
        self._people = people

    async def ask(self, owner: Owner, user_id: str, context: AsyncBoltContext) -> Answer:
        """The modal in which this person may choose, or one sentence why they may not."""
        by = await self._people.person(context, user_id)
        problem = await self._problem(owner, by, context)
        if problem:
            return Rendered(text=problem)
        known = await self._sessions.preferences(team_of(context), owner.id)
        return view_of.modal(owner, known, time.time())

    async def keep(self, view: dict[str, Any], by: Person, context: AsyncBoltContext) -> Owner:
        """Save what was submitted. Raises BadChoice when it is refused."""
        owner, chosen = view_of.read(view)
        # the owner in a modal is only what we wrote there: it is always asked again
        problem = await self._problem(owner, by, context)
        if problem:
            raise BadChoice(view_of.MODEL, problem)
        request = SavePreferences(chosen=chosen, by=by)
        receipt = await self._sessions.save_preferences(team_of(context), owner.id, request)
        if not receipt.ok:
            raise BadChoice(receipt.field or view_of.MODEL, receipt.problem)
        return owner

    async def show_at_home(self, by: Person, context: AsyncBoltContext) -> None:
        """App Home shows the change; it is saved already, and shown at the next visit anyway."""
        try:
            async with asyncio.timeout(HOME_SECONDS):
                await home.publish(context, self._sessions, by)
        except (IngressError, SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("App Home was not refreshed: %s: %s", type(error).__name__, error)

    async def _problem(self, owner: Owner, by: Person, context: AsyncBoltContext) -> str:
        if by.outsider:
            return help_view.OUTSIDER
        if owner.kind == "person":
            return "" if owner.id == by.user_id else "These are the settings of somebody else."
        is_member = await self._people.is_member(context, owner.id, by.user_id)
        return "" if is_member else NOT_IN_CHANNEL
