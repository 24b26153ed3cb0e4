"""Calls of tools as the step loop does them, on a real engine and sandbox, without a model."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import aiohttp
import pytest
import restate
from restate import Context

from agent import previews, settings
from agent import protocol as p
from agent.asking import Asker
from agent.config import RunConfig
from agent.llm import ToolCall
from agent.policy import load_policy
from agent.purse import Purse
from agent.tools import registry
from agent.tools.contract import Bench, ToolResult
from sandbox import backend as backends
from sandbox.client import SandboxClient, acquire
from sandbox.object import sandbox
from sandbox.sweeper import sweeper
from tests.fakes.restate import Engine, running_engine
from tests.fakes.thread import RecordedThreads
from tests.integration.agent.driver import THREAD

JSON = {"content-type": "application/json"}
Call = tuple[str, Any]
"""Name of a tool and its arguments; a text is taken as the model wrote it."""


class Calls(p.Wire):
    turns: list[list[tuple[str, str]]]
    task: str = "task"
    fence: int = 1
    preview_minutes: float = 60.0


class Answers(p.Wire):
    turns: list[list[dict[str, Any]]]


bench = restate.Service("Workbench")


@bench.handler()
async def work(ctx: Context, request: Calls) -> Answers:
    """Each turn: what only looks and stands together goes together, the rest in order."""
    lease = await acquire(ctx, THREAD.key, request.task)
    client = SandboxClient(ctx, lease.ref, request.fence)
    await client.claim("claim")
    unused = cast(Any, None)
    person = p.Person(user_id="U0ANA")
    policy = load_policy()
    config = RunConfig(
        model="m", plan_model="m", policy=policy, preview_minutes=request.preview_minutes
    )
    asker = Asker(ctx, request.task, THREAD, person, config, seen_seq=0)
    tools = Bench(
        ctx=ctx,
        asker=asker,
        caller=unused,
        purse=Purse(asker, config, p.Allowance()),
        sandbox=client,
        fence=request.fence,
        user_hash="",
        task=request.task,
        run_id=f"{request.task}/step/run 1",
        thread=THREAD,
        config=config,
        generation=lease.ref.generation,
        activity_rev=0,
    )
    turns = []
    for number, calls in enumerate(request.turns, 1):
        results = await _turn(tools, f"turn {number}", calls)
        turns.append([json.loads(result.as_text()) for result in results])
    return Answers(turns=turns)


async def _turn(tools: Bench, place: str, calls: list[tuple[str, str]]) -> list[ToolResult]:
    made = [ToolCall(call_id=f"c{n}", name=name, raw=raw) for n, (name, raw) in enumerate(calls)]
    read = [(call, registry.parse(call)) for call in made]
    if all(registry.is_parallel(call) for call in made) and len(made) > 1:
        good = [(c, a) for c, a in read if not isinstance(a, ToolResult)]
        assert len(good) == len(read), read
        return await registry.read_together(tools, good, place)
    return [
        arguments
        if isinstance(arguments, ToolResult)
        else await registry.execute(tools, call, arguments, f"{place}: call {n}")
        for n, (call, arguments) in enumerate(read, 1)
    ]


class Workbench:
    def __init__(self, engine: Engine, threads: RecordedThreads) -> None:
        self.engine = engine
        self.threads = threads

    async def do(self, *turns: list[Call] | Call, **request: Any) -> list[list[dict[str, Any]]]:
        """Results by turn and call. A later `task` or `fence` is later work of the session."""
        listed = [turn if isinstance(turn, list) else [turn] for turn in turns]
        raw = [
            [(name, given if isinstance(given, str) else json.dumps(given)) for name, given in turn]
            for turn in listed
        ]
        calls = Calls(turns=raw, **request)
        url = f"{self.engine.server.ingress_url}/restate/call/Workbench/work"
        async with (
            aiohttp.ClientSession() as http,
            http.post(
                url, data=io.BytesIO(calls.model_dump_json().encode()), headers=JSON
            ) as response,
        ):
            answer = await response.json()
            assert response.status == 200, answer
        return Answers.model_validate(answer).turns

    async def one(self, name: str, given: Any, **request: Any) -> dict[str, Any]:
        return (await self.do((name, given), **request))[0][0]

    async def entries(self) -> list[str]:
        """Names of the journal's effects, of all calls so far, sorted."""
        rows = await self.engine.query(
            "select j.name as name from sys_journal j join sys_invocation i on j.id = i.id"
            " where i.target_service_name = 'Workbench'"
        )
        return sorted(row["name"] for row in rows if row.get("name"))

    async def on_sandbox(self, handler: str, request: dict[str, Any]) -> None:
        url = f"{self.engine.server.ingress_url}/restate/call/Sandbox/{quote(THREAD.key)}/{handler}"
        async with aiohttp.ClientSession() as http, http.post(url, json=request) as response:
            assert response.status == 200, await response.text()


@asynccontextmanager
async def running_workbench(
    folder: Path, sandboxes: Path, monkeypatch: pytest.MonkeyPatch, *, replay_always: bool = False
) -> AsyncIterator[Workbench]:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(sandboxes))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-workbench")
    _forget()
    threads = RecordedThreads()
    services = [sandbox, sweeper, bench, previews.preview, *threads.services]
    try:
        async with running_engine(folder / "restate") as engine, engine.serve(services):
            if replay_always:
                await engine.replay_always(services)
            yield Workbench(engine, threads)
    finally:
        _forget()


def _forget() -> None:
    settings.current.cache_clear()
    backends.current_settings.cache_clear()
    backends.current_backend.cache_clear()
