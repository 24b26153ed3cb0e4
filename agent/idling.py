"""Owns when an attempt that only waits gives its process back.

The engine's own time-out cannot tell waiting from working, so ours is longer than the longest step;
a handler would hold its process that long while a person thinks. Here it is known: an attempt that
does no effect and has heard nothing for a while is told that nothing more comes. The SDK suspends
it then, and the engine drives it again once what it waits for is there.
"""

import asyncio
from typing import Any
from weakref import WeakSet

from agent.endpoint import Message, Receive
from sandbox import durable

IDLE_SECONDS = 10.0
LOOK_SECONDS = 1.0

NOTHING_MORE: Message = {"type": "threadwright.idle", "more_body": False}
"""No `http.request`: that would end our side of the stream before the engine has ended its own, and
the server would stumble over what still comes."""


class Idling:
    """Watches the attempts of one endpoint, as its `hearing`."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._inputs: WeakSet[Input] = WeakSet()

    def __call__(self, receive: Receive) -> Receive:
        heard = Input(receive)
        self._inputs.add(heard)
        return heard

    async def watch(self) -> None:
        """Look at every attempt again and again."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._idle_seconds / 2))
            for heard in list(self._inputs):
                heard.look(loop.time(), self._idle_seconds)


class Input:
    """What one attempt hears of the engine: an ASGI `receive`. Made in the attempt's own task."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._reader: asyncio.Task[Any] | None = None
        self._idle_since: float | None = None
        self._told = False
        self._telling = False
        self._effects: set[object] = set()
        durable.effects_of_attempt.set(self._effects)

    async def __call__(self) -> Message:
        self._reader = asyncio.current_task()
        assert self._reader is not None
        try:
            message = await self._receive()
        except asyncio.CancelledError:
            if not self._telling or self._reader.uncancel():
                raise
            self._telling = False
            return dict(NOTHING_MORE)
        self._idle_since = None
        return message

    def look(self, now: float, idle_seconds: float) -> None:
        """Tell the attempt that nothing more comes, once, when it has waited for `idle_seconds`."""
        if self._effects or self._idle_since is None:
            self._idle_since = now
        elif not self._told and now - self._idle_since >= idle_seconds and self._reader:
            self._told = self._telling = True
            self._reader.cancel()  # only its read: `__call__` takes the cancel back
