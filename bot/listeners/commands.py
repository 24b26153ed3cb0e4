"""Owns the slash command: `/threadwright download|status|stop|help [link to a message]`.

Slack does not allow it inside threads and sends no thread with it. So the session comes from a
link, or is the caller's only one in this channel, or is chosen in a modal.
"""

import time
from dataclasses import dataclass
from typing import Any, get_args

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.context.respond.async_respond import AsyncRespond

from agent.client import SessionClient
from agent.protocol import Person, SessionCard
from bot import names
from bot.inbound import Word
from bot.listeners.targets import Targets
from bot.names import Verb
from bot.people import People, client_of
from bot.threads import Place, parse_permalink, team_of, thread_in
from bot.views import help as help_view
from bot.views import mrkdwn, picker
from bot.views import status as status_view
from bot.views.blocks import Rendered


@dataclass(frozen=True)
class Request:
    """One use of the command, by a member of this workspace."""

    verb: Verb
    by: Person
    channel: str
    trigger_id: str

    @property
    def identity(self) -> str:
        return f"command:{self.trigger_id}"


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    desk = _Commands(sessions, people)

    async def on_command(
        ack: AsyncAck, command: dict[str, Any], context: AsyncBoltContext, respond: AsyncRespond
    ) -> None:
        answer = await desk.answer(command, context)
        await ack()
        if answer is not None:
            await respond(text=answer.text, blocks=answer.blocks or None)

    app.command(names.COMMAND)(on_command)


class _Commands:
    def __init__(self, sessions: SessionClient, people: People) -> None:
        self._sessions = sessions
        self._people = people
        self._targets = Targets(sessions, people)

    async def answer(self, command: dict[str, Any], context: AsyncBoltContext) -> Rendered | None:
        """What to tell the caller; None when a modal asks on."""
        verb, argument = parse(str(command.get("text") or ""))
        by = await self._people.person(context, str(command["user_id"]))
        if by.outsider:
            return Rendered(text=help_view.OUTSIDER)
        if verb == "help":
            return help_view.message()
        if verb is None:
            return help_view.message(f"I do not know “{argument}”.")
        request = Request(
            verb=verb,
            by=by,
            channel=str(command["channel_id"]),
            trigger_id=str(command["trigger_id"]),
        )
        if argument:
            return Rendered(text=await self._by_link(request, argument, context))
        return await self._by_choice(request, context)

    async def _by_link(self, request: Request, link: str, context: AsyncBoltContext) -> str:
        place = parse_permalink(link)
        if place is None:
            return f"“{mrkdwn.escape(link, 200)}” is no link to a message: use “Copy link” on one."
        return await self._go(request, place, context)

    async def _by_choice(self, request: Request, context: AsyncBoltContext) -> Rendered | None:
        cards = await self._sessions.sessions_of(team_of(context), request.by.user_id)
        if request.verb == "stop":
            cards = [card for card in cards if card.status != "idle"]
        here = [card for card in cards if card.thread.channel == request.channel]
        if len(here) == 1:
            place = Place(here[0].thread.channel, here[0].thread.root_ts)
            return Rendered(text=await self._go(request, place, context))
        if request.verb == "status":
            return Rendered(text=status_view.listed(cards, time.time()))
        if not cards:
            return Rendered(text=_nothing(request.verb))
        await self._ask_which(request, [*here, *(c for c in cards if c not in here)], context)
        return None

    async def _ask_which(
        self, request: Request, cards: list[SessionCard], context: AsyncBoltContext
    ) -> None:
        modal = picker.modal(request.verb, request.channel, cards, time.time())
        await client_of(context).views_open(trigger_id=request.trigger_id, view=modal)

    async def _go(self, request: Request, place: Place, context: AsyncBoltContext) -> str:
        thread = thread_in(context, place.channel, place.root_ts)
        problem = await self._targets.problem(thread, request.by, request.channel, context)
        if problem:
            return problem
        return await self._targets.act(request.verb, thread, request.by, request.identity, context)


def parse(text: str) -> tuple[Word | None, str]:
    """Verb and argument; for an unknown verb None and what was typed."""
    first, _, rest = text.strip().partition(" ")
    verb = first.casefold() or "help"
    known = next((word for word in get_args(Word) if word == verb), None)
    return (known, rest.strip()) if known else (None, text.strip())


def _nothing(verb: Verb) -> str:
    if verb == "stop":
        return "Nothing of yours is running."
    return "You have no sessions yet. Mention me in a channel, or write to me directly."
