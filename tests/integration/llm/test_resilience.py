"""Our client, with the product's own retries, graded by a server that breaks on purpose (llmock):
it sees every attempt and its timing, and says what a client got wrong."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
import restate
from restate import Context, TerminalError

from agent import model, settings
from agent import protocol as p
from agent.llm import Request
from agent.provider import provider
from local.restate.server import free_port
from sandbox.durable import is_cancel
from tests.fakes.restate import Engine, running_engine

Json = dict[str, Any]
Api = Literal["responses", "chat"]

WHOLE = "An answer that is longer than the few pieces after which its stream breaks off."
SHELL: Json = {
    "type": "function",
    "name": "shell",
    "description": "Run a command.",
    "parameters": {
        "type": "object",
        "properties": {"command": {"type": "string"}},
        "required": ["command"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Asked(p.Wire):
    text: str
    tools: bool = False


class Answered(p.Wire):
    text: str = ""
    calls: list[tuple[str, str]] = []
    code: str = ""
    """Of a call that can never work."""


prober = restate.Service("Prober")


@prober.handler()
async def probe(ctx: Context, asked: Asked) -> Answered:
    item = {"type": "message", "role": "user", "content": asked.text}
    tools = [SHELL] if asked.tools else []
    request = Request(model="gpt-6.1-sol", instructions="Be brief.", items=[item], tools=tools)
    try:
        turn = await model.Caller(ctx, "a session").ask("turn 1", request)
    except TerminalError as error:
        if is_cancel(error):
            raise
        return Answered(text=error.message, code=(error.metadata or {}).get("code", ""))
    return Answered(text=turn.text, calls=[(call.name, call.raw) for call in turn.calls])


class Grader:
    """The breaking server, and the handler that calls it."""

    def __init__(self, url: str, http: aiohttp.ClientSession, engine: Engine) -> None:
        self.url = url
        self._http = http
        self._engine = engine
        self._asked = 0

    async def ask(self, *behaviors: Json, text: str = "hello", tools: bool = False) -> Answered:
        """One call of the model while the server misbehaves so."""
        if behaviors:
            scenario = {"behaviors": list(behaviors)}
            async with self._http.post(f"{self.url}/_llmock/scenario", json=scenario) as response:
                assert response.status == 201, await response.text()
        self._asked += 1  # each body is another, so that each call is graded by itself
        asked = Asked(text=f"{text} {self._asked}", tools=tools)
        handler = p.Handler("Prober", "probe", Asked, Answered)
        return await self._engine.client.call(handler, None, asked)

    async def forget(self) -> None:
        """Whatever the server was told to do from now on."""
        async with self._http.delete(f"{self.url}/_llmock/scenario") as response:
            assert response.status == 200

    async def post(self, body: Json) -> int:
        """A request of somebody else with the same key."""
        headers = {"authorization": "Bearer k"}
        url = f"{self.url}/v1/chat/completions"
        async with self._http.post(url, json=body, headers=headers) as response:
            return response.status

    async def statuses(self) -> list[int]:
        async with self._http.get(f"{self.url}/_llmock/requests") as response:
            return [one["status"] for one in (await response.json())["requests"]]

    async def assert_passed(self, *, warnings: set[str]) -> None:
        """Passed, with no other warnings than these."""
        async with self._http.get(f"{self.url}/_llmock/verdict") as response:
            verdict = await response.json()
        async with self._http.get(f"{self.url}/_llmock/verdict?format=text") as response:
            told = await response.text()
        assert verdict["passed"], told
        assert {finding["code"] for finding in verdict["findings"]} <= warnings, told


@asynccontextmanager
async def graded(
    data: Path, monkeypatch: pytest.MonkeyPatch, api: Api, *arguments: str
) -> AsyncIterator[Grader]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).parent / "llmock"), "serve", "--port", str(port)]
    process = await asyncio.create_subprocess_exec(
        *command, "--log-level", "error", *arguments, stdout=asyncio.subprocess.DEVNULL
    )
    wanted = {
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": f"{url}/v1",
        "LLM_API": api,
        "LLM_IDLE_SECONDS": "3",
    }
    for name, value in wanted.items():
        monkeypatch.setenv(name, value)
    settings.current.cache_clear()
    model.current_llm.cache_clear()
    try:
        async with aiohttp.ClientSession() as http, running_engine(data) as engine:
            await _until_up(http, url)
            async with engine.serve([prober, provider]):
                yield Grader(url, http, engine)
    finally:
        await model.current_llm().aclose()
        settings.current.cache_clear()
        model.current_llm.cache_clear()
        process.terminate()
        await process.wait()


async def _until_up(http: aiohttp.ClientSession, url: str) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            async with http.get(f"{url}/health"):
                return
        except aiohttp.ClientConnectionError:
            assert time.monotonic() < deadline, "llmock did not start"
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_a_server_that_breaks_in_every_way_finds_nothing_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    async with graded(tmp_path, monkeypatch, api, "--context-window", "4000") as server:
        assert (await server.ask()).text
        faults: tuple[Json, ...] = (
            {"type": "fail", "status": 429, "retry_after": 0.6, "times": 2},
            {"type": "fail", "status": 500, "times": 3},
            {"type": "fail", "status": 503},
            {"type": "fail", "status": 529},
            {"type": "stream_fault", "kind": "disconnect", "after_chunks": 2},
            {"type": "stream_fault", "kind": "truncate", "after_chunks": 3},
            {"type": "stream_fault", "kind": "malformed", "after_chunks": 2},
            {"type": "stream_fault", "kind": "stall", "after_chunks": 2, "stall_seconds": 30},
            {"type": "slow_first_token", "seconds": 0.3},
        )
        for fault in faults:
            reply = {"type": "reply", "text": WHOLE, "times": None}
            before = len(await server.statuses())
            answered = await server.ask(reply, fault)
            assert (answered.text, answered.code) == (WHOLE, ""), fault
            attempts = len(await server.statuses()) - before
            assert attempts == fault.get("times", 1) + (fault["type"] != "slow_first_token"), fault

        await server.forget()
        broken = await server.ask({"type": "tool_fault", "kind": "malformed_arguments"}, tools=True)
        assert broken.calls[0][0] == "shell"
        unknown = await server.ask({"type": "tool_fault", "kind": "unknown_tool"}, tools=True)
        assert unknown.calls[0][0] != "shell"

        for status, code in ((400, "bad_request"), (401, "auth"), (403, "forbidden")):
            assert (await server.ask({"type": "fail", "status": status})).code == code
        assert (await server.ask({"type": "fail", "status": 404})).code == "model_or_url"
        empty = {"type": "fail", "status": 429, "code": "insufficient_quota", "retry_after": 1}
        assert (await server.ask(empty)).code == "quota"
        assert (await server.ask(text="long " * 6000)).code == "context_overflow"

        # An empty account is told to people and not tried again, which it takes for giving up. A
        # client that leaves at a broken chunk may be back before it notices: two calls to it, but
        # the attempts above are right.
        await server.assert_passed(warnings={"gave_up", "malformed_chunk_ignored"})


async def test_a_real_quota_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with graded(tmp_path, monkeypatch, "responses", "--rpm", "30") as server:
        n = 0
        while (
            await server.post(
                {"model": "gpt-6.1-sol", "messages": [{"role": "user", "content": f"other {n}"}]}
            )
            != 429
        ):
            n += 1
        assert (await server.ask()).code == ""
        assert (await server.statuses())[-2:] == [429, 200]
        await server.assert_passed(warnings={"gave_up"})  # the other one's
