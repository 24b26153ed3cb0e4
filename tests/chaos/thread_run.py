"""Owns one run of the kill test: a thread that asks, a sandbox that dies, the project at the end.

Everything is read where a person reads it: the messages of the thread, and the project as it is
downloaded from there.
"""

import asyncio
import io
import random
import zipfile
from dataclasses import dataclass, field

from agent.protocol import ThreadRef
from bot import names
from local.slack.client import Person
from local.slack.errors import Refused
from local.slack.seed import TEAM
from local.terminal import blocks_of
from sandbox.lifecycle import spec_of
from tests.chaos import six_steps
from tests.chaos.killers import Killer
from tests.chaos.moments import Moment, Watch
from tests.e2e.thread import Message, WatchedThread, slot_of

CHANNEL = "C0BUILD"
ENDS_WITHIN_SECONDS = 90.0
HANDED_OVER_WITHIN_SECONDS = 60.0

Tree = dict[str, bytes]


@dataclass
class Run:
    """What came of one run."""

    number: int
    moment: Moment | None
    """None: undisturbed."""
    killed: str = ""
    """What was done to its sandbox; empty: nothing, because the task ended before the moment."""
    ended: str = ""
    """First words of the final message."""
    texts: list[str] = field(default_factory=list)
    """All messages of the thread as people see them, in order."""
    slots: list[str] = field(default_factory=list)
    tree: Tree = field(default_factory=dict)
    problem: str = ""
    """Why the run did not get to its end."""


class ThreadRun:
    def __init__(self, person: Person, watch: Watch, killer: Killer) -> None:
        self._person = person
        self._watch = watch
        self._killer = killer

    async def play(self, number: int, moment: Moment | None, chance: random.Random) -> Run:
        """Never raises for what the product does wrong: that is in `problem`."""
        run = Run(number, moment)
        root = await self._person.post(CHANNEL, six_steps.request_of(number))
        thread = WatchedThread(self._person, CHANNEL, root)
        killing = asyncio.create_task(self._kill(run, root, chance))
        try:
            result = await thread.until(_is_result, ENDS_WITHIN_SECONDS)
            run.ended = result["text"]
            run.tree = await self._download(thread, result)
        except (AssertionError, Refused, zipfile.BadZipFile) as error:
            run.problem = str(error)
        finally:
            killing.cancel()
            await asyncio.gather(killing, return_exceptions=True)
        if killing.done() and not killing.cancelled() and (failure := killing.exception()):
            run.problem = run.problem or str(failure)
        messages = await thread.messages()
        run.texts = [f"{m.get('text', '')}\n{blocks_of(m)}" for m in messages]
        run.slots = [slot for m in messages if (slot := slot_of(m))]
        return run

    async def _kill(self, run: Run, root: str, chance: random.Random) -> None:
        if run.moment is None:
            return
        await self._watch.until(run.number, run.moment)
        thread = ThreadRef(team=TEAM.id, channel=CHANNEL, root_ts=root)
        run.killed = await self._killer.kill(spec_of(thread.key).name, chance)

    async def _download(self, thread: WatchedThread, result: Message) -> Tree:
        await self._person.click(CHANNEL, result["ts"], names.DOWNLOAD)
        message = await thread.until(lambda m: bool(m.get("files")), HANDED_OVER_WITHIN_SECONDS)
        content = await self._person.download(message["files"][0])
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return {
                info.filename.partition("/")[2]: packed.read(info) for info in packed.infolist()
            }


def _is_result(message: Message) -> bool:
    return slot_of(message).startswith("result:")
