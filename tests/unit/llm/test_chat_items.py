"""The canonical history told to a Chat server, and its pieces put together again."""

import pytest

from agent.llm import Json, Request, Turn
from agent.llm.chat import to_wire
from agent.llm.chat_answer import Answer
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


def chunk(delta: Json, finish: str | None = None, **more: object) -> Json:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


def answer_to(*chunks: Json) -> Turn:
    """The turn that a stream of these chunks comes to."""
    answer = Answer()
    for one in chunks:
        answer.take(one)
    return answer.to_turn(request_id=None, ms=0)


def put_together(*pieces: Json) -> list[tuple[str, str]]:
    turn = answer_to(*(chunk({"tool_calls": [p]}) for p in pieces), chunk({}, "tool_calls"))
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


# --- what servers do differently ------------------------------------------------------------------


def test_calls_numbered_alike_are_told_apart_by_their_ids() -> None:
    assert put_together(piece(0, "a", "one", "{}"), piece(0, "b", "two", "{}")) == [
        ("one", "{}"),
        ("two", "{}"),
    ]


def test_an_id_that_comes_with_each_piece_is_one_call() -> None:
    assert put_together(
        piece(0, "a", "one", "{"), piece(0, "a", None, "}"), piece(None, "a", None, " ")
    ) == [("one", "{} ")]


def test_pieces_with_neither_number_nor_id_begin_a_call_with_its_name() -> None:
    assert put_together(
        piece(None, None, "one", "{"), piece(None, None, None, "}"), piece(None, None, "two", "{}")
    ) == [("one", "{}"), ("two", "{}")]


@pytest.mark.parametrize(
    ("given", "raw"),
    [({"command": "ls"}, '{"command": "ls"}'), (None, ""), ("{}", "{}"), ([], "[]")],
)
def test_arguments_may_be_an_object(given: object, raw: str) -> None:
    whole = {"index": 0, "id": "a", "function": {"name": "one", "arguments": given}}
    assert put_together(whole) == [("one", raw)]


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "function_call", "eos"])
def test_an_answer_that_calls_is_no_end_whatever_it_is_named(finish: str) -> None:
    whole = {"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}}
    assert answer_to(chunk({"tool_calls": [whole]}), chunk({}, finish)).stop == "tools"


def test_chunks_without_choices_or_usage_are_borne() -> None:
    turn = answer_to(
        {"choices": [], "model": "llama"},
        {"choices": None},
        chunk({"content": "Hi."}),
        {"choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]},
        {"choices": [], "usage": None},
    )
    assert (turn.text, turn.stop, turn.usage.input, turn.model) == ("Hi.", "end", 0, "llama")


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thoughts_are_no_part_of_the_answer(name: str) -> None:
    answer = Answer()
    for one in (chunk({name: "Hm."}), chunk({"content": "Hi."}), chunk({}, "stop")):
        answer.take(one)
    turn = answer.to_turn(request_id=None, ms=0)
    assert turn.text == "Hi."
    assert "Hm." not in str(turn.items)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<think>\nHm, {}?\n</think>\n\n{}", "{}"),
        ("\n<think></think>Hi.", "Hi."),
        ("See <think>this</think>.", "See <think>this</think>."),
        ("<think>never closed", "<think>never closed"),
    ],
)
def test_thoughts_before_the_text_are_cut_from_it(content: str, text: str) -> None:
    assert answer_to(chunk({"content": content}), chunk({}, "stop")).text == text
