"""Owns what happens when somebody writes: an instruction goes to the session, durably, once.

Both deliveries of one mention (`app_mention` and `message`) come here, in either order; the session
takes one of them. Returning acknowledges the delivery, raising makes Slack deliver it again.
"""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from agent.protocol import MessageEdit, Person, UserMessage
from bot import inbound
from bot.controls import Controls
from bot.inbound import Incoming
from bot.listeners.telling import privately
from bot.people import People
from bot.threads import team_of
from bot.views import help as help_view


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    desk = _Messages(sessions, people)

    async def on_message(event: dict[str, Any], context: AsyncBoltContext) -> None:
        await desk.on_event(event, context)

    app.event("app_mention")(on_message)
    app.event("message")(on_message)


class _Messages:
    def __init__(self, sessions: SessionClient, people: People) -> None:
        self._sessions = sessions
        self._people = people
        self._controls = Controls(sessions)

    async def on_event(self, event: dict[str, Any], context: AsyncBoltContext) -> None:
        bot = context.bot_user_id or ""
        if event.get("subtype") in ("message_changed", "message_deleted"):
            await self._on_edit(event, context, bot)
            return
        message = inbound.read_message(event, team_of(context), bot)
        if message is not None and await self._is_addressed(message):
            await self._on_addressed(message, context)

    async def _is_addressed(self, message: Incoming) -> bool:
        if message.mentioned or message.direct:
            return True
        if not message.reply or message.for_others:
            return False
        return await self._controls.exists(message.thread)

    async def _on_addressed(self, message: Incoming, context: AsyncBoltContext) -> None:
        person = await self._people.person(context, message.user_id)
        if person.outsider:
            await self._refuse(message, context)
            return
        thread, ts = message.thread, message.ts
        text = await self._as_written(message.text, context)
        word = inbound.control_word(text)
        if word is not None:
            await self._controls.word(word, thread, ts, person)
        elif text:
            await self._hand_over(message, person, text)
        elif message.has_files:
            await self._controls.say(thread, f"note:files:{ts}", help_view.ATTACHMENT_ONLY)
        elif message.mentioned:
            await self._controls.word("help", thread, ts, person)

    async def _hand_over(self, message: Incoming, person: Person, text: str) -> None:
        await self._sessions.send_message(
            UserMessage(
                thread=message.thread,
                ts=message.ts,
                author=person,
                text=text,
                client_msg_id=message.client_msg_id,
            )
        )

    async def _on_edit(self, event: dict[str, Any], context: AsyncBoltContext, bot: str) -> None:
        edited = inbound.read_edit(event, team_of(context), bot)
        if edited is None or not await self._controls.exists(edited.thread):
            return
        person = await self._people.person(context, edited.user_id)
        if person.outsider:
            return
        await self._sessions.send_edit(
            MessageEdit(
                thread=edited.thread,
                ts=edited.ts,
                edit_ts=edited.edit_ts,
                author=person,
                text=await self._as_written(edited.text, context),
            )
        )

    async def _as_written(self, text: str, context: AsyncBoltContext) -> str:
        names: dict[str, str] = {}
        for user_id in inbound.mentioned_users(text)[:20]:
            names[user_id] = (await self._people.person(context, user_id)).name
        return inbound.as_written(text, lambda user_id: names.get(user_id) or user_id).strip()

    async def _refuse(self, message: Incoming, context: AsyncBoltContext) -> None:
        """Say so once, to this person alone; what they wrote goes nowhere."""
        if not self._people.first_refusal(message.thread.channel, message.user_id):
            return
        root_ts = message.thread.root_ts if message.reply else None
        await privately(
            context, message.thread.channel, message.user_id, help_view.OUTSIDER, root_ts
        )
