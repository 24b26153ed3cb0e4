"""The agent over the real engine, real sandboxes and a scripted model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent import idling, model, settings
from agent.app import SERVICES
from local.model import running_model
from sandbox import backend as sandbox_backend
from tests.fakes.reader import RecordedReader
from tests.fakes.restate import running_engine
from tests.fakes.thread import RecordedThreads
from tests.fakes.upload import recorded_uploads
from tests.integration.agent.attaching import Tickets
from tests.integration.agent.driver import Agent, Script
from tests.serving import serving


@pytest.fixture
def make_agent(tmp_path: Path, sandboxes: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`async with make_agent(script) as agent`: everything of the agent, on this model script."""

    @asynccontextmanager
    async def make(
        script: Script,
        *,
        replay_always: bool = False,
        idle_seconds: float = idling.IDLE_SECONDS,
        settle: float = 0.2,
    ) -> AsyncIterator[Agent]:
        async with (
            running_model(port=0, scenarios=[script]) as scripted,
            running_engine(tmp_path / "restate") as engine,
            recorded_uploads() as uploads,
        ):
            monkeypatch.setenv("OPENAI_API_KEY", "scripted")
            monkeypatch.setenv("OPENAI_BASE_URL", scripted.base_url)
            monkeypatch.setenv("LLM_API", "responses")
            monkeypatch.setenv("SANDBOX_STATE_DIR", str(sandboxes))
            monkeypatch.setenv("THREADWRIGHT_SETTLE_SECONDS", str(settle))
            _forget()
            threads, reader = RecordedThreads(), RecordedReader()
            services = [*SERVICES, *threads.services, *uploads.services, *reader.services]
            try:
                async with engine.serve(services, idle_seconds=idle_seconds):
                    if replay_always:
                        await engine.replay_always(services)
                    yield Agent(engine, threads, scripted, uploads, reader)
            finally:
                await model.current_llm().aclose()
                _forget()

    return make


@pytest.fixture
async def tickets() -> AsyncIterator[Tickets]:
    tickets = Tickets()
    app = web.Application()
    app.router.add_get("/{path:.*}", tickets.give)
    async with serving(app) as tickets.url:
        yield tickets


def _forget() -> None:
    """Each test has settings of its own; a process of the product never changes them."""
    settings.current.cache_clear()
    model.current_llm.cache_clear()
    sandbox_backend.current_settings.cache_clear()
    sandbox_backend.current_backend.cache_clear()
