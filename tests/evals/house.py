"""Owns the product without Slack for evaluations: engine, agent, sandboxes, and threads that are
written to by a program.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from agent import model, settings
from agent import protocol as p
from agent.app import SERVICES
from local.sandboxes import end_sandboxes
from sandbox import backend
from tests.evals import projects
from tests.fakes.reader import RecordedReader
from tests.fakes.restate import Engine, running_engine
from tests.fakes.thread import RecordedThreads
from tests.fakes.upload import recorded_uploads

ANA = p.Person(user_id="U0ANA", name="Ana")
BEN = p.Person(user_id="U0BEN", name="Ben")
TASK_SECONDS = 900.0

B = TypeVar("B")


class Thread:
    """One session, written to like a thread."""

    def __init__(self, engine: Engine, threads: RecordedThreads, name: str) -> None:
        self._engine = engine
        self._threads = threads
        self._ref = p.ThreadRef(team="T", channel=f"C{name.upper()}", root_ts="1.000000")
        self._next = 0
        self._written = 0
        """Messages and changes that the session must come to know."""

    @property
    def session(self) -> str:
        return self._ref.key

    async def plant(self, files: dict[str, str]) -> None:
        if files:
            request = projects.Plant(session=self.session, files=projects.Files(texts=files))
            await self._engine.client.call(projects.PLANT, None, request)

    async def say(self, text: str, author: p.Person = ANA) -> str:
        """Returns the message's ts."""
        self._next += 1
        self._written += 1
        ts = "1.000000" if self._next == 1 else f"1.{self._next:06}"
        message = p.UserMessage(thread=self._ref, ts=ts, author=author, text=text)
        await self._engine.client.send_message(message)
        return ts

    async def edit(self, ts: str, text: str, author: p.Person = ANA) -> None:
        self._next, self._written = self._next + 1, self._written + 1
        edit_ts = f"1.{self._next:06}"
        edit = p.MessageEdit(thread=self._ref, ts=ts, edit_ts=edit_ts, author=author, text=text)
        await self._engine.client.send_edit(edit)

    async def stop(self, by: p.Person = ANA) -> None:
        self._next += 1
        at = f"1.{self._next:06}"
        request = p.StopRequest(thread=self._ref, by=by, at=at)
        await self._engine.client.stop(request, f"{self.session} stop {at}")

    async def until_busy(self, words: str, seconds: float = 60) -> None:
        """Until the running step shows an activity with these words."""

        def shown() -> bool:
            return any(words in body.text for body in self._bodies(p.ActivityBody))

        async with asyncio.timeout(seconds):
            while not shown():
                await asyncio.sleep(0.02)

    async def until_idle(self, seconds: float = TASK_SECONDS) -> list[p.ResultBody]:
        """Until every message is read and no task runs; the final messages so far.

        Questions are answered by their first choice, commands are denied: nobody is there.
        """
        async with asyncio.timeout(seconds):
            while True:
                view = await self._engine.client.read(self._ref)
                ended = view.exists and view.task is None and view.unread == 0
                if ended and view.messages >= self._written:
                    return self._bodies(p.ResultBody)
                await self._answer()
                await asyncio.sleep(0.05)

    async def check(self, hidden: dict[str, str], command: str) -> projects.Checked:
        files = projects.Files(texts=hidden)
        request = projects.Check(session=self.session, hidden=files, command=command)
        return await self._engine.client.call(projects.CHECK, None, request)

    async def _answer(self) -> None:
        cards = {body.request.approval: body for body in self._bodies(p.ApprovalBody)}
        for body in cards.values():
            if body.outcome is None:
                request = body.request
                choice = request.options[0] if request.options else ""
                decision = "deny" if request.is_decided else "answer"
                answer = {"approval": request.approval, "by": ANA, "answer": choice}
                made = p.ApprovalAnswer.model_validate({**answer, "decision": decision})
                await self._engine.client.answer(made)

    def _bodies(self, kind: type[B]) -> list[B]:
        return [
            event.body
            for event in self._threads.events
            if event.thread == self._ref and isinstance(event.body, kind)
        ]


@asynccontextmanager
async def open_house(environ: dict[str, str]) -> AsyncIterator["House"]:
    """Args: `environ` holds the settings of the model; sandboxes are local ones of their own."""
    with tempfile.TemporaryDirectory(prefix="threadwright-eval-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        state = {"SANDBOX_STATE_DIR": str(home / "sandboxes")}
        os.environ.update({"THREADWRIGHT_SETTLE_SECONDS": "0.3", **state, **environ})
        _forget()
        threads, reader = RecordedThreads(), RecordedReader()
        try:
            async with running_engine(home / "restate") as engine, recorded_uploads() as uploads:
                recorded = [*threads.services, *uploads.services, *reader.services]
                async with engine.serve([*SERVICES, *projects.SERVICES, *recorded]):
                    yield House(engine, threads)
        finally:
            await model.current_llm().aclose()
            await end_sandboxes(state)
            _forget()


def _forget() -> None:
    """A process of the product has one environment; this one is lent several."""
    settings.current.cache_clear()
    model.current_llm.cache_clear()
    backend.current_settings.cache_clear()
    backend.current_backend.cache_clear()


class House:
    def __init__(self, engine: Engine, threads: RecordedThreads) -> None:
        self._engine = engine
        self._threads = threads

    def thread(self, name: str) -> Thread:
        """A thread nobody has written in yet."""
        return Thread(self._engine, self._threads, name)
