"""A scripted model per test, and both clients against it."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest

from agent.llm import LLM, llm_for
from local.model import ScriptedModel, running_model

Api = Literal["responses", "chat"]


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    """The demo's model: no pauses, no faults."""
    async with running_model() as running:
        yield running


@pytest.fixture(params=["responses", "chat"])
def api(request: pytest.FixtureRequest) -> Api:
    chosen: Api = request.param
    return chosen


@pytest.fixture
async def llm(server: ScriptedModel, api: Api) -> AsyncIterator[LLM]:
    model = llm_for(api_key="local", api=api, base_url=server.base_url)
    yield model
    await model.aclose()


@pytest.fixture
async def responses_llm(server: ScriptedModel) -> AsyncIterator[LLM]:
    model = llm_for(api_key="local", api="responses", base_url=server.base_url)
    yield model
    await model.aclose()
