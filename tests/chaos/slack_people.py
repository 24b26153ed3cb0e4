"""Owns what people do in the storm of faults: one thread's worth of gestures, drawn from a seed.

They write at machine speed, but no two messages of a thread closer than a quick typist's. What they
did, and whether it is an instruction, is written down in the `Talk`.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import Any

from bot import names
from local.slack.client import PeopleClient
from local.slack.errors import Refused
from tests.chaos.slack_talk import ANA, BEN, CLEO, DIRECT, OTTO, Said, Talk
from tests.e2e.thread import slot_of

Message = dict[str, Any]

KEYSTROKE_SECONDS = 0.05
PAUSES = (0.05, 0.15, 0.4, 1.2)
LONG_PAUSE = (2.0, 4.0)
WORKING, ASKING = 0.15, 0.05
"""Share of threads with steps, and with a command that waits for people."""


class Player:
    """Plays one thread."""

    def __init__(self, people: PeopleClient, talk: Talk, chance: random.Random) -> None:
        self._people = people
        self._talk = talk
        self._chance = chance
        self._works = chance.random() < WORKING
        self._direct = talk.channel.startswith("D")
        self._acts: dict[Callable[[], Awaitable[None]], int] = {
            self._reply: 34,
            self._burst: 12,
            self._mention: 8,
            self._edit: 10,
            self._delete: 4,
            self._to_others: 6,
            self._aside: 4,
            self._broadcast: 4,
            self._word: 5,
            self._stop: 4,
            self._feedback: 6,
            self._download: 2,
            self._command: 4,
            self._outsider: 12 if talk.channel == "C0GENERAL" else 0,
        }

    async def play(self) -> None:
        try:
            await self._begin()
            for _ in range(self._chance.randint(3, 8)):
                await self._pause()
                (act,) = self._chance.choices(list(self._acts), list(self._acts.values()))
                await act()
            if self._talk.asks:
                await self._decide()
        finally:
            self._talk.ended = True

    async def _begin(self) -> None:
        if self._chance.random() < 0.3 and not self._direct:  # we are called into a conversation
            for number in range(self._chance.randint(1, 3)):
                await self._say("chat", f"I wonder about {{}}, part {number}", instruction=False)
                await self._pause()
        if self._talk.asks:
            await self._say("request", f"{self._call}please publish now {{}}")
        else:
            await self._say("request", f"{self._call}{self._wish()}")

    @property
    def _call(self) -> str:
        return "" if self._direct else "@threadwright "

    def _wish(self) -> str:
        """With a place for the mark."""
        if self._works and self._chance.random() < 0.3:
            return "please work on {} now"
        return self._chance.choice(["what about {}?", "also think of {}", "and {}, please"])

    async def _reply(self) -> None:
        await self._say("reply", self._wish())

    async def _burst(self) -> None:
        for _ in range(self._chance.randint(2, 4)):
            await self._say("reply", self._wish())
            await asyncio.sleep(KEYSTROKE_SECONDS)

    async def _mention(self) -> None:
        await self._say("mention", f"{self._call}{self._wish()}")

    async def _to_others(self) -> None:
        if not self._direct:
            await self._say("to others", "@ben what do you think of {}?", instruction=False)

    async def _aside(self) -> None:
        await self._say("aside", "aside: {} is between us", instruction=False)

    async def _broadcast(self) -> None:
        await self._say("reply", self._wish(), broadcast=not self._direct)

    async def _outsider(self) -> None:
        await self._say("outsider", "do {} for me", instruction=False, user=OTTO)

    async def _word(self) -> None:
        word = self._chance.choice(["status", "help", "sessions"])
        await self._say("control word", word, instruction=False)

    async def _stop(self) -> None:
        how = self._chance.choice(["word", "native", "button"])
        if how == "word":
            await self._say("stop", "stop", instruction=False)
        elif how == "native":
            await self._dare(self._person().stop(self._talk.channel, self._talk.root))
        else:
            for plan in await self._posts("plan:"):
                await self._dare(self._click(plan, names.STOP))
        self._talk.stop()

    async def _edit(self) -> None:
        one = self._one_of(("request", "reply", "mention"))
        if one is None:
            return
        mark = f"{one.mark}e{len(one.changes) + 1}"
        called = self._call if one.kind in ("request", "mention") else ""
        person = self._people.person(one.user)
        await person.edit(self._talk.channel, one.ts, f"{called}rather {mark}")
        one.changes.append(mark)

    async def _delete(self) -> None:
        one = self._one_of(("reply", "mention"))
        if one is not None:
            await self._people.person(one.user).delete(self._talk.channel, one.ts)
            one.deleted = True

    async def _feedback(self) -> None:
        for result in (await self._posts("result:"))[-1:]:
            task = slot_of(result).removeprefix("result:")
            verdict = self._chance.choice(["good", "bad"])
            await self._dare(self._click(result, names.FEEDBACK, f"{verdict}:{task}"))

    async def _download(self) -> None:
        for result in (await self._posts("result:"))[-1:]:
            self._talk.downloads += 1
            await self._dare(self._click(result, names.DOWNLOAD))

    async def _command(self) -> None:
        text = self._chance.choice(["help", "status", "sessions"])
        channel = self._talk.channel if self._direct else "C0BUILD"
        await self._dare(self._person().command(channel, names.COMMAND, text))

    async def _decide(self) -> None:
        action = self._chance.choice([names.APPROVE, names.DENY])
        for card in await self._posts("approval:"):
            await self._dare(self._click(card, action))

    async def decide_what_is_open(self) -> None:
        """At the end nothing may wait for people any more: whoever may, says no."""
        if not self._talk.asks:
            return
        for card in await self._posts("approval:"):
            for user in {one.user for one in self._talk.instructions}:
                person = self._people.person(user)
                await self._dare(person.click(self._talk.channel, card["ts"], names.DENY))

    # --- how ------------------------------------------------------------------------------------

    async def _say(
        self,
        kind: str,
        text: str,
        *,
        instruction: bool = True,
        user: str | None = None,
        broadcast: bool = False,
    ) -> None:
        talk = self._talk
        one = Said(user or self._someone(), kind, instruction, f"t{talk.number}m{len(talk.said)}")
        root = talk.root if talk.said else None
        person = self._people.person(one.user)
        one.ts = await person.post(talk.channel, text.format(one.mark), root, broadcast=broadcast)
        talk.said.append(one)

    def _someone(self) -> str:
        if self._direct:
            return self._talk.reader
        return self._chance.choice([ANA, ANA, BEN, CLEO])

    def _person(self) -> Any:
        return self._people.person(self._someone())

    def _one_of(self, kinds: tuple[str, ...]) -> Said | None:
        live = [one for one in self._talk.said if one.kind in kinds and not one.deleted]
        return self._chance.choice(live) if live else None

    async def _posts(self, slot: str) -> list[Message]:
        reader = self._people.person(self._talk.reader)
        messages = await reader.messages(self._talk.channel, self._talk.root)
        return [message for message in messages if slot_of(message).startswith(slot)]

    async def _click(self, message: Message, action: str, value: str | None = None) -> None:
        person = self._person()
        await person.click(self._talk.channel, message["ts"], action, value=value)

    async def _dare(self, gesture: Awaitable[None]) -> None:
        """A gesture that may come too late: the button is gone, or nothing runs any more."""
        with contextlib.suppress(Refused):
            await gesture

    async def _pause(self) -> None:
        if self._chance.random() < 0.15:
            await asyncio.sleep(self._chance.uniform(*LONG_PAUSE))
        else:
            await asyncio.sleep(self._chance.choice(PAUSES))


def new_talk(number: int, chance: random.Random) -> Talk:
    (kind,) = chance.choices(["build", "vault", "general", "direct"], [45, 15, 20, 20])
    if kind == "direct":
        return Talk(number, chance.choice(list(DIRECT.values())))
    asks = kind == "build" and chance.random() < ASKING
    return Talk(number, f"C0{kind.upper()}", asks=asks)
