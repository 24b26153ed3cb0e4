"""The canonical history told to a Chat server, and its pieces put together again."""

import pytest

from agent.llm import Json, Request
from agent.llm.chat import _Answer, to_wire
from agent.llm.chat_items import to_messages, to_tools

USER: Json = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_text", "text": "hi"}],
}
SAID: Json = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Looking."}],
}
THOUGHT: Json = {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}


def call(call_id: str) -> Json:
    return {"type": "function_call", "call_id": call_id, "name": "shell", "arguments": "{}"}


def output(call_id: str) -> Json:
    return {"type": "function_call_output", "call_id": call_id, "output": "done"}


def test_text_and_calls_of_one_turn_become_one_message() -> None:
    items = [USER, THOUGHT, SAID, call("a"), call("b"), output("a"), output("b"), call("c")]
    messages = to_messages("Be brief.", items)
    assert [m["role"] for m in messages] == [
        *("system", "user", "assistant", "tool", "tool", "assistant")
    ]
    assert messages[2]["content"] == "Looking."
    assert [c["id"] for c in messages[2]["tool_calls"]] == ["a", "b"]
    assert messages[5] == {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "shell", "arguments": "{}"}}
    ]}  # fmt: skip


def test_developers_speak_as_the_system() -> None:
    note: Json = {"type": "message", "role": "developer", "content": "note"}
    assert to_messages("", [note])[1] == {"role": "system", "content": "note"}


def test_a_message_without_a_type_is_a_message() -> None:
    assert to_messages("", [{"role": "user", "content": "hi"}])[1]["content"] == "hi"


def test_an_item_chat_has_no_words_for_is_refused() -> None:
    with pytest.raises(ValueError, match="web_search_call"):
        to_messages("", [{"type": "web_search_call"}])


def test_tools_are_nested() -> None:
    tool: Json = {
        "type": "function",
        "name": "shell",
        "description": "Run.",
        "parameters": {},
        "strict": True,
    }
    [nested] = to_tools([tool])
    assert nested["type"] == "function"
    assert nested["function"] == {k: v for k, v in tool.items() if k != "type"}


def test_parallel_calls_are_switched_off_only_where_there_are_tools() -> None:
    request = Request(model="m", instructions="i", items=[], parallel=False)
    assert "parallel_tool_calls" not in to_wire(request, "max_tokens")
    with_tools = request.model_copy(update={"tools": [{"type": "function", "name": "f"}]})
    assert to_wire(with_tools, "max_tokens")["parallel_tool_calls"] is False


def put_together(*pieces: Json) -> list[tuple[str, str]]:
    answer = _Answer()
    for piece in pieces:
        answer.take_delta({"tool_calls": [piece]}, None)
    answer.take_delta({}, "tool_calls")
    turn = answer.to_turn(request_id=None, ms=0)
    assert len({c.call_id for c in turn.calls}) == len(turn.calls)
    assert all(c.call_id for c in turn.calls)
    return [(c.name, c.raw) for c in turn.calls]


def piece(index: int | None, call_id: str | None, name: str | None, arguments: str) -> Json:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    return {
        "function": function,
        **({"id": call_id} if call_id else {}),
        **({"index": index} if index is not None else {}),
    }


def test_pieces_of_two_calls_may_alternate() -> None:
    assert put_together(
        piece(0, "a", "one", '{"x"'),
        piece(1, "b", "two", "{"),
        piece(0, None, None, ": 1}"),
        piece(1, None, None, "}"),
    ) == [("one", '{"x": 1}'), ("two", "{}")]


def test_pieces_without_a_number_belong_to_the_last_call() -> None:
    assert put_together(
        piece(None, "a", "one", "{"),
        piece(None, None, None, "}"),
        piece(None, "b", "two", "{}"),
    ) == [("one", "{}"), ("two", "{}")]


def test_a_server_without_ids_gets_ids_of_ours() -> None:
    assert put_together(piece(0, None, "one", "{}"), piece(1, None, "two", "{}")) == [
        ("one", "{}"),
        ("two", "{}"),
    ]
