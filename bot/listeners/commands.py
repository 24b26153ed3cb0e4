"""Owns the slash command: `/threadwright download|status|stop|help|sessions|config [link to a
message]`.

Slack does not allow it inside threads and sends no thread with it. So the session comes from a
link, or is the caller's only one in this channel, or is chosen in a modal.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal, get_args

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from agent.protocol import Person, SessionCard
from bot import names
from bot.listeners.modals import Answer, in_time
from bot.listeners.preferences import Preferences
from bot.listeners.targets import Targets
from bot.names import Verb
from bot.people import People
from bot.threads import Place, parse_permalink, team_of, thread_in, workspace_url_of
from bot.views import help as help_view
from bot.views import home as home_view
from bot.views import mrkdwn, picker
from bot.views import status as status_view
from bot.views.blocks import Rendered
from bot.views.preferences import Owner

Word = Verb | Literal["help", "sessions", "config"]
_WORDS: tuple[Word, ...] = (*get_args(Verb), "help", "sessions", "config")


@dataclass(frozen=True)
class Request:
    """One use of the command."""

    word: Word | None
    """None for a word that is not known: then `argument` begins with it."""
    argument: str
    user_id: str
    channel: str
    trigger_id: str

    @property
    def identity(self) -> str:
        return f"command:{self.trigger_id}"

    @classmethod
    def read(cls, command: dict[str, Any]) -> "Request":
        word, argument = parse(str(command.get("text") or ""))
        return cls(
            word=word,
            argument=argument,
            user_id=str(command["user_id"]),
            channel=str(command["channel_id"]),
            trigger_id=str(command["trigger_id"]),
        )


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    desk = _Commands(sessions, people)

    async def on_command(ack: AsyncAck, command: dict[str, Any], context: AsyncBoltContext) -> None:
        request = Request.read(command)
        told = await in_time(context, request.trigger_id, desk.answer(request, context))
        if told is None:
            await ack()
        else:  # the acknowledgement carries the answer: no second call that could fail
            await ack(text=told.text, blocks=told.blocks or None, response_type="ephemeral")

    app.command(names.COMMAND)(on_command)


class _Commands:
    def __init__(self, sessions: SessionClient, people: People) -> None:
        self._sessions = sessions
        self._people = people
        self._targets = Targets(sessions, people)
        self._preferences = Preferences(sessions, people)

    async def answer(self, request: Request, context: AsyncBoltContext) -> Answer:
        """What to tell the caller, or the modal that asks on."""
        by = await self._people.person(context, request.user_id)
        if by.outsider:
            return Rendered(text=help_view.OUTSIDER)
        match request.word:
            case None:
                return help_view.unknown(request.argument, _WORDS)
            case "help":
                return help_view.message()
            case "sessions":
                return await self._listed(by, context)
            case "config":
                return await self._config(request, context)
            case verb if request.argument:
                return await self._by_link(verb, request, by, context)
            case verb:
                return await self._by_choice(verb, request, by, context)

    async def _listed(self, by: Person, context: AsyncBoltContext) -> Rendered:
        cards = await self._sessions.sessions_of(team_of(context), by.user_id)
        now, url = time.time(), workspace_url_of(context)
        text = status_view.listed(cards, now, url)
        return Rendered(text=text, blocks=home_view.rows(cards, now, url))

    async def _config(self, request: Request, context: AsyncBoltContext) -> Answer:
        """Of the channel it was typed in, or of the link's; in a direct message one's own."""
        channel = request.channel
        if request.argument:
            place = parse_permalink(request.argument)
            if place is None:
                return _no_link(request.argument)
            channel = place.channel
        own = channel.startswith("D")
        owner = Owner("person", request.user_id) if own else Owner("channel", channel)
        return await self._preferences.ask(owner, request.user_id, context)

    async def _by_link(
        self, verb: Verb, request: Request, by: Person, context: AsyncBoltContext
    ) -> Rendered:
        place = parse_permalink(request.argument)
        if place is None:
            return _no_link(request.argument)
        return await self._go(verb, request, by, place, context)

    async def _by_choice(
        self, verb: Verb, request: Request, by: Person, context: AsyncBoltContext
    ) -> Answer:
        cards = await self._sessions.sessions_of(team_of(context), by.user_id)
        if verb == "stop":
            cards = [card for card in cards if card.status != "idle"]
        here = [card for card in cards if card.thread.channel == request.channel]
        if len(here) == 1:
            place = Place(here[0].thread.channel, here[0].thread.root_ts)
            return await self._go(verb, request, by, place, context)
        if not cards:
            return Rendered(text=_nothing(verb))
        first: list[SessionCard] = [*here, *(card for card in cards if card not in here)]
        return picker.modal(verb, request.channel, first, time.time())

    async def _go(
        self, verb: Verb, request: Request, by: Person, place: Place, context: AsyncBoltContext
    ) -> Rendered:
        thread = thread_in(context, place.channel, place.root_ts)
        problem = await self._targets.problem(thread, by, request.channel, context)
        if problem:
            return Rendered(text=problem)
        told = await self._targets.act(verb, thread, by, request.identity, context)
        return Rendered(text=told)


def parse(text: str) -> tuple[Word | None, str]:
    """Word and argument; for an unknown word None and what was typed."""
    first, rest = [*text.split(maxsplit=1), "", ""][:2]
    word = first.casefold() or "help"
    known = next((known for known in _WORDS if known == word), None)
    return (known, rest.strip()) if known else (None, text.strip())


def _no_link(text: str) -> Rendered:
    shown = mrkdwn.escape(text, 200)
    how = "Choose “Copy link” in the menu of a message."
    return Rendered(text=f"“{shown}” is not a link to a message. {how}")


def _nothing(verb: Verb) -> str:
    return "Nothing of yours is running." if verb == "stop" else status_view.NONE_YET
