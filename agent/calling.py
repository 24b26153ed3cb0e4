"""Owns a call of the model as a task makes it: within its budget, counted, made again when the
provider's account has something left again."""

from collections.abc import Callable

from restate import TerminalError

from agent import protocol as p
from agent.llm import Request, Turn, priced, sent_tokens
from agent.model import Caller, Look
from agent.purse import Purse
from sandbox.durable import is_cancel


class Calls:
    """Of one invocation. Rebuilt by replay."""

    def __init__(self, caller: Caller, purse: Purse) -> None:
        self._caller = caller
        self._purse = purse
        self.usage = p.Usage()
        self.model = ""
        """The model that answered last, as its server names it."""

    async def ask(
        self,
        place: str,
        configured: str,
        request_to: Callable[[str], Request],
        look: Look | None = None,
    ) -> Turn:
        """Ask once, durably.

        Args:
            place: names the journal entries: `"turn 3"`.
            configured: model to ask unless people chose another on the way.
            request_to: the request to the model of that name.
            look: reads the images that the request refers to.

        Raises:
            WorkEnds: the call may not be made.
            TerminalError: cancelled, or the call can never work.
        """
        tries = 1
        while True:
            await self._purse.before_call(place)
            request = request_to(self._purse.model(configured))
            try:
                turn = await self._caller.ask(place, request, look)
            except TerminalError as error:
                if is_cancel(error) and self._caller.under_way:
                    tokens = sent_tokens(request)
                    self._count(self._purse.estimated(request.model, tokens))
                if code_of(error) != "quota":
                    raise
                await self._purse.out_of_quota(place, error.message)
                tries += 1
                place = f"{place.partition(', try')[0]}, try {tries}"
                continue
            self._count(priced(turn))
            self.model = turn.model
            return turn

    def _count(self, usage: p.Usage) -> None:
        self._purse.count(usage)
        self.usage += usage


def code_of(error: TerminalError) -> str:
    """`LLMFatal.code` of a call that can never work; empty for any other end."""
    return str((error.metadata or {}).get("code", ""))
