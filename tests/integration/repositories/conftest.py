"""The whole agent, one engine for all tests here, and a GitHub on this machine."""

import asyncio
import itertools
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent import model, settings
from agent import protocol as p
from agent.app import SERVICES
from agent.repositories import record
from agent.repositories.record import Record
from local.github import Double, running_github
from local.model import Reply, ScriptedModel, call, running_model
from local.sandboxes import end_sandboxes
from sandbox import backend as sandbox_backend
from sandbox.object import acquire as acquire_sandbox
from sandbox.protocol import AcquireRequest, Command, Lease
from tests.fakes.reader import RecordedReader
from tests.fakes.restate import Engine, running_engine
from tests.fakes.thread import RecordedThreads
from tests.fakes.upload import RecordedUploads, recorded_uploads
from tests.integration.agent.driver import ANA, Script, finish, is_planning, outputs, plan

SECRET = "hunter2-of-production"
COUNT = itertools.count(1)
READ = p.Handler("Repository", "read", p.Nothing, Record)
ACQUIRE = p.Handler("Sandbox", "acquire", AcquireRequest, Lease)
assert record.read is not None
assert acquire_sandbox is not None


@dataclass
class World:
    engine: Engine
    double: Double
    model: ScriptedModel
    threads: RecordedThreads
    uploads: RecordedUploads
    state_dir: Path
    journal_dir: Path
    environ: dict[str, str]
    script: Script = field(default=lambda _: finish())

    @contextmanager
    def settings(self, **changed: str) -> Iterator[None]:
        """The agent's own, until the block ends; an empty value is an unset one."""
        put_settings(self.environ | changed)
        try:
            yield
        finally:
            put_settings(self.environ)

    def folders(self) -> Iterator[Path]:
        """Everything that is kept of sandboxes and in the engine."""
        yield from self.state_dir.rglob("*")
        yield from self.journal_dir.rglob("*")

    def thread(self) -> "Thread":
        return Thread(self, p.ThreadRef(team="T", channel="C", root_ts=f"{next(COUNT)}.000000"))


@dataclass
class Thread:
    """One thread of Slack, and what stands behind it."""

    world: World
    ref: p.ThreadRef
    said: int = 0

    async def say(self, text: str, script: Script | None = None, author: p.Person = ANA) -> None:
        if script is not None:
            self.world.script = script
        root = self.ref.root_ts.partition(".")[0]
        ts = f"{root}.{self.said:06}"
        self.said += 1
        await self.world.engine.client.send_message(
            p.UserMessage(thread=self.ref, ts=ts, author=author, text=text)
        )

    async def until(self, kind: type[Any], holds: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first body of this kind in this thread."""
        async with asyncio.timeout(90):
            while True:
                for body in self.bodies(kind):
                    if holds(body):
                        return body
                await asyncio.sleep(0.02)

    def bodies(self, kind: type[Any]) -> list[Any]:
        mine = [e for e in self.world.threads.events if e.thread.key == self.ref.key]
        return [e.body for e in mine if isinstance(e.body, kind)]

    async def result(self, number: int = 1) -> p.ResultBody:
        """The end of the task of this number."""
        async with asyncio.timeout(90):
            while len(found := self.bodies(p.ResultBody)) < number:
                await asyncio.sleep(0.02)
            while (await self.world.engine.client.read(self.ref)).task is not None:
                await asyncio.sleep(0.02)
        result: p.ResultBody = found[number - 1]
        return result

    @property
    def notes(self) -> list[str]:
        return [body.text for body in self.bodies(p.NoteBody)]

    async def card(self) -> p.ApprovalRequest:
        asked: p.ApprovalBody = await self.until(p.ApprovalBody, lambda b: b.outcome is None)
        return asked.request

    async def answer(self, request: p.ApprovalRequest, decision: str = "approve") -> None:
        given = {"approval": request.approval, "by": ANA, "decision": decision}
        receipt = await self.world.engine.client.answer(p.ApprovalAnswer.model_validate(given))
        assert receipt.accepted, receipt

    async def record(self) -> Record:
        return await self.world.engine.client.call(READ, self.ref.key, p.Nothing())

    async def download(self) -> bytes:
        before = len(self.world.uploads.shared)
        request = p.DownloadRequest(thread=self.ref, by=ANA, request_id=f"click {next(COUNT)}")
        await self.world.engine.client.download(request)
        async with asyncio.timeout(90):
            while len(self.world.uploads.shared) == before:
                await asyncio.sleep(0.02)
        return self.world.uploads.shared[-1][1]

    async def inside(self, command: str) -> str:
        """What a command in the thread's sandbox prints."""
        request = AcquireRequest(owner="test")
        lease = await self.world.engine.client.call(ACQUIRE, self.ref.key, request)
        backend = sandbox_backend.current_backend()
        job = f"test {next(COUNT)}"
        state = await backend.start(
            lease.ref,
            job,
            Command(command=command),
            1_000_000,
            wait_seconds=20,
            limit_bytes=100_000,
        )
        assert state.exit_code == 0, (command, state)
        return state.chunk.strip()


def put_settings(environ: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        settings.current.cache_clear()
        settings.current()


def publish(title: str, body: str = "As asked.") -> Reply:
    return Reply(calls=(call("open_pull_request", {"title": title, "body": body}),))


def last_output(request: dict[str, Any]) -> dict[str, Any]:
    found = [i for i in request["input"] if i["type"] == "function_call_output"]
    return dict(json.loads(found[-1]["output"])) if found else {}


def steps(*turns: Reply) -> Any:
    """One step that makes these turns, then says what the last one came to."""

    def script(request: dict[str, Any]) -> Reply:
        if is_planning(request):
            return plan("work")
        done = len(outputs(request))
        return turns[done] if done < len(turns) else finish(str(last_output(request)))

    return script


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made: list[World] = []

    def script(request: dict[str, Any]) -> Reply:
        return made[0].script(request)

    with tempfile.TemporaryDirectory(prefix="threadwright-test-") as folder:
        Path(folder).chmod(0o755)
        state_dir, journal_dir = Path(folder, "sandboxes"), tmp_path_factory.mktemp("restate")
        async with (
            running_github(tmp_path_factory.mktemp("github")) as double,
            running_model(port=0, scenarios=[script]) as scripted,
            running_engine(journal_dir) as engine,
            recorded_uploads() as uploads,
        ):
            environ = {
                "OPENAI_API_KEY": "scripted",
                "OPENAI_BASE_URL": scripted.base_url,
                "LLM_API": "responses",
                "SANDBOX_STATE_DIR": str(state_dir),
                "THREADWRIGHT_SETTLE_SECONDS": "0.1",
                "THREADWRIGHT_SECRETS": SECRET,
                **double.settings,
            }
            with pytest.MonkeyPatch.context() as patch:
                for name, value in environ.items():
                    patch.setenv(name, value)
                _forget()
                put_settings(environ)
                sandbox_backend.current_backend()
                model.current_llm()
            threads = RecordedThreads()
            services = [
                *SERVICES,
                *threads.services,
                *uploads.services,
                *RecordedReader().services,
            ]
            folders = (state_dir, journal_dir)
            made.append(World(engine, double, scripted, threads, uploads, *folders, environ))
            try:
                async with engine.serve(services):
                    yield made[0]
            finally:
                await model.current_llm().aclose()
                await end_sandboxes({"SANDBOX_STATE_DIR": str(state_dir)})
                _forget()


def _forget() -> None:
    settings.current.cache_clear()
    model.current_llm.cache_clear()
    sandbox_backend.current_settings.cache_clear()
    sandbox_backend.current_backend.cache_clear()
