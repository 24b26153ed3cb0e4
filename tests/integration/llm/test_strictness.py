"""The scripted model as a strict server: what an agent must not send, refused by name."""

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from local.model import ScriptedModel
from local.model.reasoning import seal

Json = dict[str, Any]
Change = Callable[[Json], object]

PARAMETERS = {
    "type": "object",
    "properties": {"command": {"type": "string"}, "limit": {"type": ["integer", "null"]}},
    "required": ["command", "limit"],
    "additionalProperties": False,
}


def good() -> Json:
    return {
        "model": "gpt-6.1-sol",
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "hello"},
            {"type": "reasoning", "summary": [], "encrypted_content": seal()},
            {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "a b"},
        ],
        "tools": [
            {"type": "function", "name": "shell", "parameters": PARAMETERS, "strict": True},
        ],
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }


async def post(server: ScriptedModel, path: str, body: Json, key: str = "k") -> tuple[int, Json]:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{server.base_url}/{path}", json=body) as response,
    ):
        return response.status, await response.json()


def schema(body: Json, **changes: object) -> None:
    body["tools"][0]["parameters"] = {**PARAMETERS, **changes}


async def test_a_correct_request_is_answered_without_a_stream_too(server: ScriptedModel) -> None:
    status, answer = await post(server, "responses", good())
    assert status == 200
    assert answer["status"] == "completed"
    assert answer["model"] == "scripted-demo"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda b: b.pop("store"), "store"),
        (lambda b: b.update(store=True), "store"),
        (lambda b: b.update(background=True), "background=true requires store=true"),
        (lambda b: b.update(background=True, store=True, stream=True), "stream"),
        (lambda b: b.update(prompt_cache_key="k" * 65), "length 65"),
        (lambda b: b.update(safety_identifier="u" * 65), "maximum length 64"),
        (lambda b: b["input"][2].update(name="run it"), "does not match pattern"),
        (lambda b: b.pop("include"), "include"),
        (lambda b: b.update(previous_response_id="resp_1"), "previous_response_id"),
        (lambda b: b.update(temperature=0), "temperature"),
        (lambda b: b.update(top_p=1), "top_p"),
        (lambda b: b.update(colour="red"), "colour"),
        (lambda b: b.update(reasoning={"effort": "none"}), "none"),
        (lambda b: b.update(input=[]), "input"),
        (lambda b: b["input"][0].update(id="msg_1"), "msg_1"),
        (lambda b: b["input"][2].update(parsed_arguments={}), "parsed_arguments"),
        (lambda b: b["input"][2].pop("arguments"), "arguments"),
        (lambda b: b["input"][0].update(role="robot"), "robot"),
        (lambda b: b["input"].append({"type": "web_search_call"}), "web_search_call"),
        (lambda b: b["input"].pop(), "No tool output found for function call c1"),
        (lambda b: b.update(input=b["input"][:2]), "required following item"),
        (lambda b: b["input"].pop(2), "No tool call found"),
        (lambda b: b["input"].append(b["input"][-1]), "No tool call found"),
        (lambda b: b["input"].insert(3, b["input"][2]), "duplicate call_id c1"),
        (
            lambda b: b["input"][1].update(encrypted_content=seal()[:-8]),
            "could not be verified",
        ),
        (lambda b: b["input"][1].pop("encrypted_content"), "could not be verified"),
        (lambda b: b["tools"][0].update(strict=False), "strict"),
        (lambda b: b["tools"][0].update(name="run it"), "run it"),
        (lambda b: b["tools"].append(b["tools"][0]), "used twice"),
        (lambda b: b["tools"][0].update(type="custom"), "custom"),
        (lambda b: schema(b, additionalProperties=True), "additionalProperties"),
        (lambda b: schema(b, required=["command"]), "missing 'limit'"),
        (lambda b: schema(b, required=["command", "limit", "x"]), "'x'"),
        (
            lambda b: schema(
                b,
                properties={"command": {"type": "string", "default": "ls"}, "limit": {}},
            ),
            "'default' is not permitted",
        ),
        (
            lambda b: schema(b, properties={"command": {"type": "object"}, "limit": {}}),
            "context=(properties, command)",
        ),
        (
            lambda b: b.update(text={"format": {"type": "json_schema", "name": "plan"}}),
            "text.format.strict",
        ),
    ],
)
async def test_an_offence_is_named(server: ScriptedModel, change: Change, names: str) -> None:
    body = good()
    change(body)
    status, answer = await post(server, "responses", body)
    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert names in answer["error"]["message"]
    assert server.requests[-1].refusal == answer["error"]["message"]


async def test_keys_and_models_are_checked(server: ScriptedModel) -> None:
    status, answer = await post(server, "responses", good(), key="")
    assert (status, answer["error"]["code"]) == (401, "invalid_api_key")
    status, answer = await post(server, "responses", {**good(), "model": "gpt-3"})
    assert (status, answer["error"]["code"]) == (404, "model_not_found")


async def test_a_body_that_is_no_json_is_told(server: ScriptedModel) -> None:
    headers = {"authorization": "Bearer k"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{server.base_url}/responses", data=b"{") as response,
    ):
        assert response.status == 400
        assert "not JSON" in (await response.json())["error"]["message"]


@pytest.mark.parametrize(
    ("messages", "extra", "names"),
    [
        ([], {}, "messages"),
        ([{"role": "user", "content": ""}], {}, "empty"),
        ([{"role": "robot", "content": "x"}], {}, "robot"),
        ([{"role": "tool", "tool_call_id": "c9", "content": "x"}], {}, "c9"),
        ([{"role": "user", "content": "x"}], {"temperature": 1}, "temperature"),
        (
            [{"role": "user", "content": "x"}],
            {"max_tokens": 1, "max_completion_tokens": 1},
            "not both",
        ),
        (
            [{"role": "user", "content": "x"}],
            {"tools": [{"type": "function", "name": "shell"}]},
            "'function' object",
        ),
        (
            [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}],
                }
            ],
            {},
            "No tool output found for function call c1",
        ),
    ],
)
async def test_chat_requests_are_checked_as_well(
    server: ScriptedModel, messages: list[Json], extra: Json, names: str
) -> None:
    body = {"model": "gpt-6.1-sol", "messages": messages, **extra}
    status, answer = await post(server, "chat/completions", body)
    assert status == 400
    assert names in answer["error"]["message"]


async def test_trouble_can_be_ordered_over_http(server: ScriptedModel) -> None:
    root = server.base_url.removesuffix("/v1")
    async with aiohttp.ClientSession() as http:
        order = {"kind": "status", "status": 503, "times": 2}
        async with http.post(f"{root}/local/faults", json=order) as response:
            assert response.status == 200
        async with http.post(f"{root}/local/faults", json={"kind": "earthquake"}) as response:
            assert response.status == 400
    statuses = [(await post(server, "responses", good()))[0] for _ in range(3)]
    assert statuses == [503, 503, 200]
