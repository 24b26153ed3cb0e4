"""A thread as one person sees it, waited on."""

import asyncio
from collections.abc import Callable
from typing import Any

from local.slack.client import Person

Message = dict[str, Any]


class WatchedThread:
    def __init__(self, person: Person, channel: str, root: str) -> None:
        self._person = person
        self.channel = channel
        self.root = root

    def seen_by(self, person: Person) -> "WatchedThread":
        return WatchedThread(person, self.channel, self.root)

    async def reply(self, text: str) -> str:
        return await self._person.post(self.channel, text, self.root)

    async def click(self, message: Message, action_id: str) -> None:
        await self._person.click(self.channel, message["ts"], action_id)

    async def messages(self) -> list[Message]:
        return await self._person.messages(self.channel, self.root)

    async def until(self, holds: Callable[[Message], bool], seconds: float = 120) -> Message:
        """The newest message that holds. Raises AssertionError with the thread when none does."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            thread = await self.messages()
            for message in reversed(thread):
                if holds(message):
                    return message
            if asyncio.get_running_loop().time() > deadline:
                shown = "\n".join(str(m.get("text")) for m in thread)
                raise AssertionError(f"No such message within {seconds} s:\n{shown}")
            await asyncio.sleep(0.05)

    async def result(self) -> Message:
        return await self.until(lambda m: slot_of(m).startswith("result:"))


def slot_of(message: Message) -> str:
    slot: str = message.get("metadata", {}).get("event_payload", {}).get("slot", "")
    return slot
