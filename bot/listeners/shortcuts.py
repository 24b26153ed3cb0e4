"""Owns the shortcuts: download, status and stop in the menu of a message, which works inside
threads too, and the list of one's own sessions, which opens from anywhere.
"""

import time
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from bot import names
from bot.listeners.modals import Answer, as_modal, in_time
from bot.listeners.targets import Targets
from bot.names import Verb
from bot.people import People, client_of
from bot.telling import privately
from bot.threads import team_of, thread_in, workspace_url_of
from bot.views import help as help_view
from bot.views import home as home_view
from bot.views import modals
from bot.views.blocks import Rendered

_ON_MESSAGES: dict[str, Verb] = {
    names.DOWNLOAD_SHORTCUT: "download",
    names.STATUS_SHORTCUT: "status",
    names.STOP_SHORTCUT: "stop",
}


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    desk = _Shortcuts(sessions, people)

    async def on_message(
        ack: AsyncAck, shortcut: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        trigger_id, user_id = str(shortcut["trigger_id"]), str(shortcut["user"]["id"])
        told = await in_time(context, trigger_id, desk.of_message(shortcut, context))
        if told is not None:
            message, channel = shortcut["message"], str(shortcut["channel"]["id"])
            root_ts = str(message.get("thread_ts") or message["ts"])
            if not await privately(context, channel, user_id, told, root_ts):
                # where we are not in the channel, nothing can be said there
                view = modals.telling(told)
                await client_of(context).views_open(trigger_id=trigger_id, view=view)
        await ack()

    async def on_sessions(
        ack: AsyncAck, shortcut: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        trigger_id, user_id = str(shortcut["trigger_id"]), str(shortcut["user"]["id"])
        await as_modal(context, trigger_id, desk.sessions_of(user_id, context))
        await ack()

    for callback_id in _ON_MESSAGES:
        app.message_shortcut(callback_id)(on_message)
    app.global_shortcut(names.SESSIONS_SHORTCUT)(on_sessions)


class _Shortcuts:
    def __init__(self, sessions: SessionClient, people: People) -> None:
        self._sessions = sessions
        self._people = people
        self._targets = Targets(sessions, people)

    async def of_message(self, shortcut: dict[str, Any], context: AsyncBoltContext) -> Answer:
        """Act on the thread this message is in."""
        by = await self._people.person(context, str(shortcut["user"]["id"]))
        if by.outsider:
            return Rendered(text=help_view.OUTSIDER)
        verb = _ON_MESSAGES[str(shortcut["callback_id"])]
        message, channel = shortcut["message"], str(shortcut["channel"]["id"])
        thread = thread_in(context, channel, str(message.get("thread_ts") or message["ts"]))
        problem = await self._targets.problem(thread, by, asked_in=channel, context=context)
        if problem:
            return Rendered(text=problem)
        identity = f"shortcut:{verb}:{thread.key}:{shortcut['action_ts']}"
        told = await self._targets.act(verb, thread, by, identity, context)
        return modals.notice(told, "Status") if verb == "status" else Rendered(text=told)

    async def sessions_of(self, user_id: str, context: AsyncBoltContext) -> Answer:
        by = await self._people.person(context, user_id)
        if by.outsider:
            return Rendered(text=help_view.OUTSIDER)
        cards = await self._sessions.sessions_of(team_of(context), by.user_id)
        return home_view.sessions_modal(cards, time.time(), workspace_url_of(context))
