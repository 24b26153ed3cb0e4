"""The agent as a process of its own, which a test kills, and starts again with other settings or as
another release."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from local.model import ScriptedModel, running_model
from local.restate.server import free_port
from tests.fakes.reader import RecordedReader
from tests.fakes.restate import Engine, running_engine
from tests.fakes.thread import RecordedThreads
from tests.fakes.upload import recorded_uploads
from tests.integration.agent.driver import Agent, Script

HERE = Path(__file__).parents[3]
READY_SECONDS = 60.0


class AgentProcess:
    """`python -m agent`, at the same address each time.

    Args:
        environ: of each start; a test changes it between two.
        log: file for what it says.
    """

    def __init__(self, environ: dict[str, str], log: Path) -> None:
        self.environ = environ
        self.release = HERE
        """Folder of the packages it runs."""
        self._bind = f"127.0.0.1:{free_port()}"
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Until it is registered. Raises AssertionError with what it said when it ends instead."""
        environ = {**os.environ, **self.environ, "THREADWRIGHT_AGENT_BIND": self._bind}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "agent", cwd=self.release, env=environ, stderr=log
            )
        async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as http:
            while not await self._is_ready(http):
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.05)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"http://{self._bind}/health") as response:
                return response.status == 200
        except aiohttp.ClientConnectionError:
            return False

    async def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Machine(Agent):
    """What a test drives, with the process that does the work."""

    process: AgentProcess

    async def failures(self) -> list[dict[str, str]]:
        """What went wrong in any handler: a journal that did not fit, above all. That a process
        was killed is no failure of a handler."""
        rows = await self.engine.query(
            "select target, last_failure from sys_invocation where last_failure is not null"
        )
        rows += await self.engine.query(
            "select id as target, event_json as last_failure from sys_journal_events"
        )
        return [row for row in rows if "journal" in row["last_failure"].lower()]


@asynccontextmanager
async def running_machine(
    folder: Path,
    sandboxes: Path,
    script: Script,
    environ: dict[str, str] | None = None,
) -> AsyncIterator[Machine]:
    async with (
        running_model(port=0, scenarios=[script]) as scripted,
        running_engine(folder / "restate") as engine,
        recorded_uploads() as uploads,
    ):
        threads, reader = RecordedThreads(), RecordedReader()
        bots = [*threads.services, *uploads.services, *reader.services]
        machine = Machine(engine, threads, scripted, uploads, reader)
        settings = _settings(engine, scripted, sandboxes)
        machine.process = AgentProcess({**settings, **(environ or {})}, folder / "agent.log")
        async with engine.serve(bots):
            try:
                await machine.process.start()
                yield machine
            finally:
                await machine.process.kill()


def _settings(engine: Engine, scripted: ScriptedModel, sandboxes: Path) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "scripted",
        "OPENAI_BASE_URL": scripted.base_url,
        "LLM_API": "responses",
        "RESTATE_ADMIN_URL": engine.server.admin_url,
        "RESTATE_INGRESS_URL": engine.server.ingress_url,
        "SANDBOX_STATE_DIR": str(sandboxes),
        "THREADWRIGHT_SETTLE_SECONDS": "0.2",
    }


def another_release(folder: Path, changes: dict[str, tuple[str, str]]) -> Path:
    """A copy of the packages with these texts replaced, by file."""
    for package in ("agent", "sandbox"):
        shutil.copytree(HERE / package, folder / package)
    for name, (old, new) in changes.items():
        text = (folder / name).read_text("utf-8")
        assert old in text, f"{name} does not hold {old!r}"
        (folder / name).write_text(text.replace(old, new), "utf-8")
    return folder
