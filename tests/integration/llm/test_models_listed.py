"""What the provider says of its models at start: a warning, never a reason not to start."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import pytest
from aiohttp import web

from agent.llm import Endpoint, Json, model_warnings
from local.model import ScriptedModel
from local.restate.server import free_port
from tests.serving import serving

TODAY = date(2026, 11, 22)


def at(url: str) -> Endpoint:
    return Endpoint(api_key="k", base_url=url)


@pytest.mark.parametrize(
    ("model", "end", "told"),
    [
        ("gpt-6.1-sol", "", ""),
        ("gpt-6.1-sol", "2026-12-11", "ends the model gpt-6.1-sol on 2026-12-11; choose another"),
        ("gpt-6.1-sol", "2026-12-11T00:00:00Z", "on 2026-12-11"),
        ("gpt-6.1-sol", "2026-11-01", "ended the model gpt-6.1-sol"),
        ("gpt-6.1-sol", "2027-06-01", ""),
        ("gpt-6.1-sol", "soon", ""),
        ("gpt-5", "", "does not list the model gpt-5; check LLM_MODEL"),
    ],
)
async def test_a_model_that_ends_or_is_missing_is_told(
    server: ScriptedModel, model: str, end: str, told: str
) -> None:
    server.shutdown_dates = {model: end}
    warnings = await model_warnings(at(server.base_url), [model, model, "gpt-6-luna"], TODAY)
    assert [told in warning for warning in warnings] == ([True] if told else [])


@asynccontextmanager
async def listing(answer: web.StreamResponse | Json) -> AsyncIterator[str]:
    async def models(_: web.Request) -> web.StreamResponse:
        return answer if isinstance(answer, web.StreamResponse) else web.json_response(answer)

    app = web.Application()
    app.router.add_get("/v1/models", models)
    async with serving(app) as url:
        yield f"{url}/v1"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": []},
        {"data": None},
        {"data": 5},
        {"data": ["llama"]},
        {"data": [{"id": "llama:latest"}]},
        {"data": [{"id": "models/llama", "shutdown_date": {}}]},
        {"data": [{"id": "llama", "shutdown_date": 4_000_000_000}]},
        web.Response(status=404),
        web.Response(status=500, text="oops"),
        web.Response(text="<html>", content_type="text/html"),
        web.Response(text="{", content_type="application/json"),
        web.Response(text="[]", content_type="application/json"),
    ],
    ids=lambda answer: str(answer)[:40],
)
async def test_a_server_that_lists_models_otherwise_or_not_at_all_is_fine(
    answer: web.Response | Json,
) -> None:
    async with listing(answer) as url:
        assert await model_warnings(at(url), ["llama"], TODAY) == []


async def test_a_refused_key_is_told() -> None:
    async with listing(web.Response(status=401)) as url:
        [warning] = await model_warnings(at(url), ["llama"], TODAY)
    assert "OPENAI_API_KEY" in warning


async def test_the_agent_warns_as_it_starts(server: ScriptedModel) -> None:
    server.shutdown_dates = {"gpt-6-luna": "2020-01-01"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent"),
        env={
            **{"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
            **{"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": server.base_url},
            **{"LLM_MODEL_CHEAP": "gpt-6-luna", "LLM_MODEL_SUMMARY": "gpt-5"},
            "THREADWRIGHT_AGENT_BIND": f"127.0.0.1:{free_port()}",
            "RESTATE_ADMIN_URL": f"http://127.0.0.1:{free_port()}",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    told: list[str] = []
    async with asyncio.timeout(90):
        while len(told) < 2:
            line = (await process.stderr.readline()).decode()
            assert line, "it ended without a warning"
            told += [line] if "the model" in line else []
    process.terminate()
    await process.communicate()
    assert "ended the model gpt-6-luna on 2020-01-01" in "".join(told)
    assert "does not list the model gpt-5;" in "".join(told)


async def test_a_server_that_does_not_answer_holds_nothing_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # connects, and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        async with asyncio.timeout(60):
            assert await model_warnings(at(url), ["llama"], TODAY, seconds=0.3) == []
