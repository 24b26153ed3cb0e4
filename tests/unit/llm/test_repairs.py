"""What is put right in an answer before it enters the history: pure functions, no server."""

import json

import pytest

from agent.llm import Json, Turn, user_hash, without_reasoning
from agent.llm.bounds import ANSWER_CHARS, ARGUMENT_CHARS
from agent.llm.repairs import repaired
from agent.llm.responses import to_wire
from agent.llm.types import Request
from local.model import strict
from local.model.reasoning import seal

USER: Json = {"type": "message", "role": "user", "content": "hi"}


def call(call_id: str, name: str = "shell", arguments: str = "{}") -> Json:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def said(text: str) -> Json:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "role": "assistant", "content": content}


def thought() -> Json:
    return {"type": "reasoning", "summary": [], "encrypted_content": seal()}


def turn(*items: Json, text: str = "") -> Turn:
    return Turn(items=list(items), text=text, stop="tools", model="m")


@pytest.mark.parametrize(
    "items",
    [
        [thought(), said("Looking."), call("a")],
        [call("a"), call("a")],
        [call(""), call("")],
        [call("old")],
        [call("a", name="rm -rf / && true")],
        [call("a", name="x" * 300)],
        [call("a", name="")],
        [call("a", name="шелл")],
        [thought()],
        [said("Done."), thought()],
        [{"type": "message", "role": "assistant", "content": []}, call("a")],
        [{"type": "web_search_call", "status": "completed"}, call("a")],
        [call("a", arguments="not JSON \ud83d")],
        [said("half a letter \ud83d\ude00 \ud83d")],
        [call("a", arguments="x" * (ARGUMENT_CHARS + 1))],
        [said("x" * (ANSWER_CHARS + 1))],
    ],
    ids=[
        *("as it should be", "one id twice", "no ids", "an id of before", "a command as name"),
        *("a long name", "no name", "a foreign name", "a lone thought", "a thought at the end"),
        *("an empty message", "a tool nobody has", "half a letter in arguments"),
        *("half a letter", "too long arguments", "too long text"),
    ],
)
def test_whatever_a_model_writes_the_next_request_is_accepted(items: list[Json]) -> None:
    history = [USER, call("old"), {"type": "function_call_output", "call_id": "old", "output": ""}]
    kept = repaired(turn(*items), history)
    outputs = [
        {"type": "function_call_output", "call_id": c.call_id, "output": "x"} for c in kept.calls
    ]
    request = Request(
        model="m", instructions="i", items=[*history, *kept.items, *outputs, USER], cache_key="k"
    )
    strict.check(to_wire(request))
    Turn.model_validate_json(kept.model_dump_json(exclude_defaults=True))
    calls = [i for i in kept.items if i["type"] == "function_call"]
    assert [(c.call_id, c.name, c.raw) for c in kept.calls] == [
        (i["call_id"], i["name"], i["arguments"]) for i in calls
    ]


def test_a_good_answer_is_left_as_it_is() -> None:
    whole = turn(thought(), said("Looking."), call("a"), call("b"))
    assert repaired(whole, [USER]) == whole


def test_halves_of_a_letter_are_joined() -> None:
    assert repaired(turn(said("x"), text="\ud83d\ude00"), []).text == "😀"


def test_too_long_arguments_are_broken_ones_and_the_other_calls_stay() -> None:
    kept = repaired(turn(call("a", arguments="x" * 600_000), call("b")), [])
    assert kept.calls[0].raw.endswith("(cut: 600000 characters are too many)")
    with pytest.raises(json.JSONDecodeError):
        json.loads(kept.calls[0].raw)
    assert kept.calls[1].raw == "{}"
    assert kept.stop == "tools"


def test_too_long_an_answer_counts_as_cut() -> None:
    kept = repaired(turn(said("x" * (ANSWER_CHARS + 1)), text="x" * (ANSWER_CHARS + 1)), [])
    assert (kept.stop, kept.items, kept.calls) == ("max_tokens", [], [])
    assert len(kept.model_dump_json()) < ANSWER_CHARS


def test_reasoning_says_nothing_to_another_model() -> None:
    items = [USER, thought(), call("a")]
    assert without_reasoning(items) == [USER, call("a")]
    assert len(items) == 3, "the history itself is left alone"


def test_a_person_is_named_alike_each_time_and_by_nobody() -> None:
    assert user_hash("T1", "U0ANA") == user_hash("T1", "U0ANA")
    assert len({user_hash("T1", "U0ANA"), user_hash("T2", "U0ANA"), user_hash("T1U0", "ANA")}) == 3
    assert "U0ANA" not in user_hash("T1", "U0ANA")
    assert len(user_hash("T1", "U0ANA")) <= 64, "OpenAI refuses longer ones"


def test_the_provider_gets_a_short_hash_of_the_cache_key() -> None:
    def sent(key: str) -> str:
        body = to_wire(Request(model="m", instructions="i", items=[], cache_key=key))
        return str(body["prompt_cache_key"])

    run = "T0123456789:C0123456789:1712345678.000100/12/todo.commands/run 1"
    assert sent(run) == sent(run) != sent(f"{run}2")
    assert len(sent(run)) <= 64, "OpenAI refuses longer ones"
    assert "C0123456789" not in sent(run)
