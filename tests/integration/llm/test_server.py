"""The scripted model as a server: true to the SDK's own types, scripts that end loudly, usage."""

import asyncio
import sys

import pytest
from openai import AsyncOpenAI

from agent.llm import LLM, LLMFatal, Request, llm_for
from local.model import Fault, Reply, ScriptedModel, call, running_model, say

LS = call("shell", {"command": "ls"})
REQUEST = Request(
    model="gpt-6.1-sol",
    instructions="Be brief.",
    items=[{"type": "message", "role": "user", "content": "hello"}],
)


def sdk(server: ScriptedModel) -> AsyncOpenAI:
    return AsyncOpenAI(
        api_key="k", base_url=server.base_url, max_retries=0, _strict_response_validation=True
    )


async def test_the_sdks_own_strict_reader_understands_every_event() -> None:
    """The typed helper validates the whole sequence; a wrong event would raise here."""
    reply = Reply(text="Looking.", calls=(LS, LS), thinking="Hm, files.")
    async with (
        running_model(scenarios=[[reply]]) as server,
        sdk(server) as client,
        client.responses.stream(
            model="gpt-6.1-sol",
            input="hello",
            store=False,
            include=["reasoning.encrypted_content"],
        ) as stream,
    ):
        kinds = [event.type async for event in stream]
        response = await stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert "response.reasoning_summary_text.delta" in kinds
    assert "response.function_call_arguments.done" in kinds
    assert [item.type for item in response.output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert response.output_text == "Looking."


async def test_the_sdk_reads_chat_answers_and_models() -> None:
    script = [Reply(text="hi", calls=(LS,))]
    async with running_model(scenarios=[script]) as server, sdk(server) as client:
        answer = await client.chat.completions.create(
            model="gpt-6.1-sol", messages=[{"role": "user", "content": "hello"}]
        )
        names = {model.id async for model in client.models.list()}
    assert answer.choices[0].message.content == "hi"
    assert answer.choices[0].finish_reason == "tool_calls"
    assert {"gpt-6.1-sol", "scripted-demo"} <= names


async def test_a_script_that_is_over_says_so() -> None:
    async with running_model(scenarios=[[say("one")]]) as server:
        only = llm_for(api_key="k", api="responses", base_url=server.base_url)
        await only.turn(REQUEST)
        with pytest.raises(LLMFatal, match="run out after 1 turns"):
            await only.turn(REQUEST)
        await only.aclose()


async def test_a_scenario_that_fails_ends_the_call_with_its_reason() -> None:
    def broken(_: dict[str, object]) -> Reply:
        raise AssertionError("two steps expected")

    async with running_model(scenarios=[broken]) as server:
        llm = llm_for(api_key="k", api="responses", base_url=server.base_url)
        with pytest.raises(LLMFatal, match="two steps expected"):
            await llm.turn(REQUEST)
        await llm.aclose()


async def test_scenarios_are_asked_in_order() -> None:
    def about_cats(raw: dict[str, object]) -> Reply | None:
        return say("meow") if "cat" in str(raw["input"]) else None

    async with running_model(scenarios=[about_cats, [say("woof")]]) as server:
        llm = llm_for(api_key="k", api="responses", base_url=server.base_url)
        assert (await llm.turn(REQUEST)).text == "woof"
        cats = [{"type": "message", "role": "user", "content": "a cat?"}]
        assert (await llm.turn(REQUEST.model_copy(update={"items": cats}))).text == "meow"
        await llm.aclose()


async def test_trouble_meant_for_one_request_leaves_others_alone(
    responses_llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="status", status=401, match="secret word"))
    assert (await responses_llm.turn(REQUEST)).stop == "end"
    meant = [{"type": "message", "role": "user", "content": "the secret word"}]
    with pytest.raises(LLMFatal):
        await responses_llm.turn(REQUEST.model_copy(update={"items": meant}))


async def test_a_growing_history_is_mostly_cached(
    responses_llm: LLM, server: ScriptedModel
) -> None:
    items = [{"type": "message", "role": "user", "content": "x" * 6000}]
    asked = REQUEST.model_copy(update={"items": items, "cache_key": "t1"})
    first = (await responses_llm.turn(asked)).usage
    more = [*items, {"type": "message", "role": "user", "content": "and now?"}]
    second = (await responses_llm.turn(asked.model_copy(update={"items": more}))).usage
    assert first.cached == 0
    assert first.cache_write == first.input
    assert 1024 <= second.cached <= first.input
    assert second.cached + second.cache_write == second.input


async def test_as_a_process_it_serves_until_it_is_told_to_stop() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.model", "--port", "0", "--delay-ms", "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 90)).decode()
    llm = llm_for(api_key="k", api="responses", base_url=line.split(": ", 1)[1].strip())
    turn = await llm.turn(REQUEST)
    await llm.aclose()
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 60) == 0
    assert "scripted demo model" in turn.text


async def test_a_port_that_is_taken_is_one_sentence(server: ScriptedModel) -> None:
    port = server.base_url.rsplit(":", 1)[1].removesuffix("/v1")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local.model", "--port", port),
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 1
    assert f"Port {port} cannot be used" in error.decode()
    assert "Traceback" not in error.decode()
