"""Both clients against a real HTTP server: what is sent, what comes back, what a history may be."""

import asyncio
import json

import pytest

from agent.llm import LLM, Json, LLMFatal, Request, llm_for
from local.model import Fault, Reply, ScriptedModel, call, running_model, say
from tests.integration.llm.conftest import Api
from tests.polling import until

USER: Json = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "hello"}],
}
SCHEMA: Json = {
    "type": "object",
    "properties": {"command": {"type": "string"}},
    "required": ["command"],
    "additionalProperties": False,
}
TOOL: Json = {
    "type": "function",
    "name": "shell",
    "description": "Run a command.",
    "parameters": SCHEMA,
    "strict": True,
}
LS = call("shell", {"command": "ls"})
PWD = call("shell", {"command": "pwd"})


def request(*items: Json) -> Request:
    return Request(
        model="gpt-6.1-sol", instructions="Be brief.", items=[USER, *items], tools=[TOOL]
    )


async def test_text_arrives_whole(api: Api) -> None:
    text = "A plan is a list of things that will happen differently. ☂"
    async with running_model(scenarios=[[Reply(text=text, thinking="Hm.")]]) as server:
        llm = llm_for(api_key="k", api=api, base_url=server.base_url)
        turn = await llm.turn(request())
        await llm.aclose()
    assert turn.text == text
    assert turn.stop == "end"
    assert turn.model == "scripted-demo"
    assert turn.response_id
    assert turn.request_id
    assert turn.usage.input > 0
    assert turn.usage.output > 0


async def test_several_calls_in_one_turn_keep_their_order_and_arguments(api: Api) -> None:
    async with running_model(scenarios=[[Reply(calls=(LS, PWD))]]) as server:
        llm = llm_for(api_key="k", api=api, base_url=server.base_url)
        turn = await llm.turn(request())
        await llm.aclose()
    assert turn.stop == "tools"
    assert [(c.name, json.loads(c.raw)) for c in turn.calls] == [
        ("shell", {"command": "ls"}),
        ("shell", {"command": "pwd"}),
    ]
    assert len({c.call_id for c in turn.calls}) == 2


async def test_a_turn_put_into_the_history_is_accepted_next_time(api: Api) -> None:
    script = [Reply(text="Looking.", calls=(LS, PWD), thinking="Hm."), say("Two files.")]
    async with running_model(scenarios=[script]) as server:
        llm = llm_for(api_key="k", api=api, base_url=server.base_url)
        first = await llm.turn(request())
        outputs = [
            {"type": "function_call_output", "call_id": c.call_id, "output": "a b"}
            for c in first.calls
        ]
        second = await llm.turn(request(*first.items, *outputs))
        await llm.aclose()
    assert second.text == "Two files."
    assert [recorded.refusal for recorded in server.requests] == ["", ""]


async def test_reasoning_is_echoed_letter_by_letter_and_nothing_refers_to_the_server(
    responses_llm: LLM, server: ScriptedModel
) -> None:
    turn = await responses_llm.turn(request())
    raw = json.dumps(turn.items)
    assert '"id"' not in raw
    assert '"status"' not in raw
    assert "logprobs" not in raw
    async with running_model(scenarios=[[Reply(calls=(LS,), thinking="Hm.")]]) as other:
        llm = llm_for(api_key="k", api="responses", base_url=other.base_url)
        thinking = (await llm.turn(request())).items[0]
        await llm.aclose()
    assert thinking["type"] == "reasoning"
    answer = {"role": "assistant", "type": "message", "content": "Hm."}
    await responses_llm.turn(request(thinking, answer))
    sent = server.requests[-1].body["input"]
    assert sent[1]["encrypted_content"] == thinking["encrypted_content"]
    assert "store" in server.requests[-1].body


async def test_the_phase_of_a_message_is_kept(responses_llm: LLM) -> None:
    turn = await responses_llm.turn(request())
    assert turn.items[-1]["phase"] == "final_answer"


async def test_reasoning_nobody_can_read_is_left_out_once(
    responses_llm: LLM, server: ScriptedModel
) -> None:
    foreign = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAAforeign"}
    answer = {"role": "assistant", "type": "message", "content": "Hm."}
    turn = await responses_llm.turn(request(foreign, answer))
    assert turn.stop == "end"
    assert len(server.requests) == 2
    assert "reasoning" not in [item["type"] for item in server.requests[-1].body["input"]]


async def test_refused_reasoning_ends_the_call_when_none_was_sent(
    responses_llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="unverifiable_reasoning"))
    with pytest.raises(LLMFatal, match="cannot read earlier reasoning"):
        await responses_llm.turn(request())
    assert len(server.requests) == 1


async def test_a_cut_answer_is_told_and_leaves_nothing_for_the_history(
    llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="incomplete"))
    turn = await llm.turn(request())
    assert turn.stop == "max_tokens"
    assert turn.text
    assert (turn.items, turn.calls) == ([], [])


async def test_filtered_content_is_told(llm: LLM, server: ScriptedModel) -> None:
    server.fail(Fault(kind="incomplete", code="content_filter"))
    assert (await llm.turn(request())).stop == "filtered"


async def test_a_refusal_is_no_text(llm: LLM, server: ScriptedModel) -> None:
    server.fail(Fault(kind="refusal"))
    turn = await llm.turn(request())
    assert turn.refusal
    assert "can't help" in turn.refusal
    assert turn.text == ""


async def test_broken_arguments_and_unknown_tools_reach_the_agent_as_they_are(
    llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="malformed_arguments"))
    assert (await llm.turn(request())).calls[0].raw == '{"command": "ls'
    server.fail(Fault(kind="unknown_tool"))
    assert (await llm.turn(request())).calls[0].name == "teleport"


async def test_an_empty_answer_is_an_answer(llm: LLM, server: ScriptedModel) -> None:
    server.fail(Fault(kind="empty"))
    turn = await llm.turn(request())
    assert (turn.stop, turn.text, turn.items) == ("end", "", [])


async def test_a_schema_is_asked_for_in_the_words_of_each_api(api: Api) -> None:
    async with running_model(scenarios=[[say('{"command": "ls"}')]]) as server:
        llm = llm_for(api_key="k", api=api, base_url=server.base_url)
        asked = request().model_copy(
            update={"json_schema": SCHEMA, "schema_name": "answer", "max_output_tokens": 900}
        )
        turn = await llm.turn(asked)
        await llm.aclose()
        body = server.requests[0].body
    assert json.loads(turn.text) == {"command": "ls"}
    if api == "responses":
        assert body["text"]["format"]["schema"] == SCHEMA
        assert body["max_output_tokens"] == 900
    else:
        assert body["response_format"]["json_schema"]["schema"] == SCHEMA
        assert body["max_tokens"] == 900


async def test_one_connection_serves_turn_after_turn(llm: LLM, server: ScriptedModel) -> None:
    """A stream that is left before its end would cost a new TLS handshake on every turn."""
    for _ in range(4):
        await llm.turn(request())
    assert len({recorded.connection for recorded in server.requests}) == 1


async def test_a_cancelled_call_is_gone_from_the_server_too(
    llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="stall"))
    asking = asyncio.create_task(llm.turn(request()))
    await until(lambda: len(server.requests) == 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: server.streams_cut == 1)


async def test_a_client_opens_nothing_before_its_first_call() -> None:
    llm = llm_for(api_key="k", base_url="http://127.0.0.1:9/v1")
    await llm.aclose()


def test_each_loop_may_have_its_own_client() -> None:
    """Clients belong to the loop of their first call; a server restarts loops in tests."""

    async def once() -> str:
        async with running_model(scenarios=[[say("hi")]]) as server:
            llm = llm_for(api_key="k", base_url=server.base_url, api="responses")
            turn = await llm.turn(request())
            await llm.aclose()
            return turn.text

    assert [asyncio.run(once()), asyncio.run(once())] == ["hi", "hi"]


@pytest.mark.parametrize(
    ("base_url", "api"),
    [(None, "ResponsesLLM"), ("http://127.0.0.1:11434/v1", "ChatLLM")],
)
def test_the_api_is_chosen_by_the_address(base_url: str | None, api: str) -> None:
    assert type(llm_for(api_key="k", base_url=base_url)).__name__ == api
