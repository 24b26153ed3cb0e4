"""Chat servers that do not know a field: asked again without it, once, and never with it after."""

import pytest

from agent.llm import LLMFatal, Request, default_api, llm_for
from local.model import Fault, ScriptedModel
from tests.integration.llm.conftest import Api

TOOL = {
    "type": "function",
    "name": "shell",
    "parameters": {
        "type": "object",
        "properties": {},
        "required": [],
        "additionalProperties": False,
    },
    "strict": True,
}
REQUEST = Request(
    model="gpt-6.1-sol",
    instructions="Be brief.",
    items=[{"type": "message", "role": "user", "content": "hello"}],
    tools=[TOOL],
    parallel=False,
)


@pytest.mark.parametrize(
    ("status", "message", "without", "having"),
    [
        (400, "Unrecognized request argument supplied: stream_options", "stream_options", ""),
        (422, "body.stream_options: Extra inputs are not permitted", "stream_options", ""),
        (400, "Unknown parameter: 'parallel_tool_calls'.", "parallel_tool_calls", ""),
        (
            400,
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "max_tokens",
            "max_completion_tokens",
        ),
        (
            400,
            "'max_tokens' is too large: 32000. This model's maximum context length is 8192 tokens.",
            "max_tokens",
            "",
        ),
    ],
    ids=["stream_options", "422", "parallel", "renamed", "too large"],
)
async def test_a_field_that_a_server_does_not_take_is_learnt(
    server: ScriptedModel, status: int, message: str, without: str, having: str
) -> None:
    llm = llm_for(api_key="k", api="chat", base_url=server.base_url)
    server.fail(Fault(kind="status", status=status, message=message))
    assert (await llm.turn(REQUEST)).stop == "end"
    assert (await llm.turn(REQUEST)).stop == "end"
    await llm.aclose()
    first, *others = [one.body for one in server.requests]
    assert without in first
    assert len(others) == 2, "learnt once"
    assert all(without not in body for body in others)
    assert all(having in body for body in others if having)


async def test_a_call_that_no_server_counts_is_not_free(server: ScriptedModel) -> None:
    server.fail(Fault(kind="status", status=400, message="Unknown parameter: stream_options"))
    llm = llm_for(api_key="k", api="chat", base_url=server.base_url)
    long = REQUEST.model_copy(
        update={"items": [{"type": "message", "role": "user", "content": "x" * 35_000}]}
    )
    usage = (await llm.turn(long)).usage
    await llm.aclose()
    assert 10_000 < usage.input < 11_000
    assert usage.output > 0


async def test_a_server_that_takes_neither_name_of_the_limit_gets_none(
    server: ScriptedModel,
) -> None:
    llm = llm_for(api_key="k", api="chat", base_url=server.base_url)
    for name in ("max_tokens", "max_completion_tokens"):
        message = f"{name} is not supported"
        server.fail(Fault(kind="status", status=400, message=message, match=f'"{name}"'))
    assert (await llm.turn(REQUEST)).stop == "end"
    await llm.aclose()
    assert not {"max_tokens", "max_completion_tokens"} & set(server.requests[-1].body)


async def test_any_other_refusal_is_told_at_once(server: ScriptedModel) -> None:
    llm = llm_for(api_key="k", api="chat", base_url=server.base_url)
    server.fail(Fault(kind="status", status=400, message="tools: too many"))
    with pytest.raises(LLMFatal, match="too many"):
        await llm.turn(REQUEST)
    await llm.aclose()
    assert len(server.requests) == 1


@pytest.mark.parametrize("api", ["responses", "chat"])
async def test_several_calls_in_one_answer_can_be_switched_off(
    server: ScriptedModel, api: Api
) -> None:
    llm = llm_for(api_key="k", api=api, base_url=server.base_url, parallel=False)
    await llm.turn(REQUEST.model_copy(update={"parallel": True}))
    await llm.aclose()
    assert server.requests[-1].body["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("base_url", "api"),
    [
        (None, "responses"),
        ("https://api.openai.com/v1", "responses"),
        ("https://eu.api.openai.com/v1", "responses"),
        ("https://acme.openai.azure.com/openai/v1/", "responses"),
        ("http://127.0.0.1:11434/v1", "chat"),
        ("https://openai.com.evil.example/v1", "chat"),
    ],
)
def test_the_api_fits_the_server(base_url: str | None, api: str) -> None:
    assert default_api(base_url) == api


async def test_an_address_with_a_slash_at_its_end_works(server: ScriptedModel) -> None:
    """Azure's is written so."""
    llm = llm_for(api_key="k", api="responses", base_url=f"{server.base_url}/")
    assert (await llm.turn(REQUEST)).stop == "end"
    await llm.aclose()
