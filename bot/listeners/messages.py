"""Owns what happens when somebody writes: an instruction goes to the session, durably, once.

Both deliveries of one mention (`app_mention` and `message`) come here, in either order; the session
takes one of them. Returning acknowledges the delivery, raising makes Slack deliver it again.
"""

import asyncio
import logging
import time
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError

from agent.client import SessionClient
from agent.protocol import MessageEdit, Person, ThreadRef, UserMessage
from bot import inbound
from bot.controls import Controls
from bot.inbound import Incoming
from bot.people import People
from bot.telling import privately
from bot.threads import team_of, workspace_url_of
from bot.views import help as help_view

log = logging.getLogger(__name__)

LATE_SECONDS = 1.5
"""A message that comes later than this may have been overtaken by its replies."""
OVERTAKEN_SECONDS = 4.0
"""So long after a thread began, its first message may still be on its way: what is late reads the
thread itself, and what is not may yet take two seconds to become durable."""
MOST_WAIT_SECONDS = 2.0
MOST_NAMES = 20
NAMES_SECONDS = 1.0
REPEATED_SECONDS = 420.0
"""Slack repeats a delivery that nobody acknowledged for about this long."""
_LOOK_EVERY_SECONDS = 0.1


def register(app: AsyncApp, sessions: SessionClient, people: People, aside: str) -> None:
    desk = _Messages(sessions, people, aside)

    async def on_message(
        event: dict[str, Any], context: AsyncBoltContext, request: AsyncBoltRequest
    ) -> None:
        await desk.on_event(event, context, retried=_is_retry(request))

    app.event("app_mention")(on_message)
    app.event("message")(on_message)


def _is_retry(request: AsyncBoltRequest) -> bool:
    """A first try may carry the header too, with a 0."""
    return request.headers.get("x-slack-retry-num", ["0"])[0] not in ("", "0")


class _Messages:
    def __init__(self, sessions: SessionClient, people: People, aside: str) -> None:
        self._sessions = sessions
        self._people = people
        self._aside = aside
        self._controls = Controls(sessions)

    async def on_event(
        self, event: dict[str, Any], context: AsyncBoltContext, *, retried: bool
    ) -> None:
        """Addressed to us? Only what is gets a key, so that no copy of it hides another."""
        reader = inbound.Reader(team_of(context), context.bot_user_id or "", self._aside)
        if event.get("subtype") in ("message_changed", "message_deleted"):
            await self._on_edit(inbound.read_edit(event, reader), context)
            return
        message = inbound.read_message(event, reader)
        if message is None or message.meant_for == "others":
            return
        if message.meant_for == "us" or await self._comes(message.thread, message.thread.root_ts):
            await self._on_addressed(message, context, retried=retried)

    async def _comes(self, thread: ThreadRef, ts: str) -> bool:
        """Whether the thread has a session, waited for while message `ts`, which would begin it,
        may still be on its way."""
        left = min(float(ts) + OVERTAKEN_SECONDS - time.time(), MOST_WAIT_SECONDS)
        deadline = time.monotonic() + left
        while not await self._controls.exists(thread):
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
        return True

    async def _on_addressed(
        self, message: Incoming, context: AsyncBoltContext, *, retried: bool
    ) -> None:
        person = await self._people.person(context, message.user_id)
        if person.outsider:
            await self._refuse(message, context)
            return
        thread, ts = message.thread, message.ts
        text = await self._as_written(message.text, context)
        word = inbound.control_word(text)
        if word is not None and not message.files:
            if message.reply:
                await self._comes(thread, thread.root_ts)
            await self._controls.word(word, thread, ts, person, workspace_url_of(context))
        elif text or message.files:
            await self._hand_over(message, person, text, retried=retried)
        elif message.mentioned:
            await self._controls.word("help", thread, ts, person)

    async def _hand_over(
        self, message: Incoming, person: Person, text: str, *, retried: bool
    ) -> None:
        late = retried or time.time() - float(message.ts) > LATE_SECONDS
        await self._sessions.send_message(
            UserMessage(
                thread=message.thread,
                ts=message.ts,
                author=person,
                text=text,
                client_msg_id=message.client_msg_id,
                files=message.files,
                addressed=message.meant_for == "us",
                catch_up=message.meant_for == "us" and (message.reply or late),
            )
        )

    async def _on_edit(self, edited: inbound.Edited | None, context: AsyncBoltContext) -> None:
        """A correction of what a session knows; or a message, when only now it is for us."""
        if edited is None:
            return
        now = edited.now
        if edited.was_for_us and await self._has_a_session(edited):
            await self._correct(edited, context)
        elif now is not None and await self._is_newly_for_us(now, edited.was_for_us):
            await self._on_addressed(now, context, retried=True)

    async def _has_a_session(self, edited: inbound.Edited) -> bool:
        """Or may have one soon. A deletion holds no words, so where the mention that begins the
        session can still be on its way, the session is left to keep it or forget it."""
        if edited.addressed:
            return True
        age = time.time() - float(edited.thread.root_ts)
        if not edited.text and edited.thread.root_ts != edited.ts and age < REPEATED_SECONDS:
            return True
        return await self._comes(edited.thread, edited.ts)

    async def _is_newly_for_us(self, now: Incoming, was_for_us: bool) -> bool:
        if now.meant_for == "session" and not was_for_us:
            return await self._controls.exists(now.thread)
        return now.meant_for == "us"

    async def _correct(self, edited: inbound.Edited, context: AsyncBoltContext) -> None:
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
        """With the names of whom it mentions; with the id of whom Slack does not tell us in time:
        an instruction never waits for a name."""
        names: dict[str, str] = {}

        async def look_up(user_id: str) -> None:
            try:
                names[user_id] = (await self._people.person(context, user_id)).name
            except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
                log.info("could not look up whom a message mentions: %s", type(error).__name__)

        try:
            async with asyncio.timeout(NAMES_SECONDS):
                await asyncio.gather(*map(look_up, inbound.mentioned_users(text)[:MOST_NAMES]))
        except TimeoutError:
            log.info("Slack was slow to tell whom a message mentions")
        return inbound.as_written(text, lambda user_id: names.get(user_id) or user_id).strip()

    async def _refuse(self, message: Incoming, context: AsyncBoltContext) -> None:
        """Say so once, to this person alone; what they wrote goes nowhere."""
        if not self._people.first_refusal(message.thread.channel, message.user_id):
            return
        channel, user_id = message.thread.channel, message.user_id
        root_ts = message.thread.root_ts if message.reply else None
        if not await privately(context, channel, user_id, help_view.OUTSIDER, root_ts):
            self._people.forget_refusal(channel, user_id)
