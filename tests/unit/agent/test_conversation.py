"""A step's conversation: whole turns in order, and smaller when it outgrows the window."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.conversation import OUTPUTS_KEPT, TURNS_KEPT, Conversation
from agent.llm import Usage
from agent.transcript import Item, user

OPENING = [user("Current step: do it")]


def made(number: int, calls: int) -> list[Item]:
    reasoning = {"type": "reasoning", "encrypted_content": "x" * 5000, "summary": []}
    return [
        reasoning,
        *(
            {
                "type": "function_call",
                "call_id": f"{number}.{k}",
                "name": "shell",
                "arguments": "{}",
            }
            for k in range(calls)
        ),
    ]


def conversation(turns: list[int], output: str = "x" * 1000, window: int = 10_000) -> Conversation:
    """Args: `turns` holds how many calls each turn makes."""
    talk = Conversation(OPENING, window)
    for number, calls in enumerate(turns):
        talk.add_turn(made(number, calls), Usage())
        for k in range(calls):
            talk.add_output(f"{number}.{k}", json.dumps({"ok": True, "output": output}))
    return talk


def unpaired(items: list[Item]) -> set[str]:
    """Calls without exactly one output, and outputs without their call: a 400 on every server."""
    calls = [item["call_id"] for item in items if item.get("type") == "function_call"]
    outputs = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    assert len(set(calls)) == len(calls)
    assert len(set(outputs)) == len(outputs)
    return set(calls) ^ set(outputs)


TURNS = st.lists(st.integers(min_value=0, max_value=4), max_size=12)
ACTS = st.lists(st.sampled_from(["outputs", "summary", "reasoning"]), max_size=5)


@given(TURNS, ACTS, st.floats(min_value=0.01, max_value=1))
def test_whatever_is_left_out_each_call_keeps_its_output(
    turns: list[int], acts: list[str], share: float
) -> None:
    talk = conversation(turns)
    for act in acts:
        if act == "outputs":
            talk.drop_old_outputs()
        elif act == "reasoning":
            talk.drop_reasoning()
        elif talk.can_be_summarised:
            assert not unpaired(talk.to_summarise(share))
            talk.replace_by_summary("I did things.")
        assert talk.items[: len(OPENING)] == OPENING
        assert not unpaired(talk.items)
    talk.add_turn(made(99, 1), Usage())
    talk.add_output("99.0", "{}")
    assert not unpaired(talk.items)


@given(TURNS)
def test_while_there_is_room_requests_only_grow_at_their_end(turns: list[int]) -> None:
    talk = Conversation(OPENING, 1_000_000)
    before: list[Any] = []
    for number, calls in enumerate(turns):
        assert talk.items[: len(before)] == before
        before = list(talk.items)
        talk.add_turn(made(number, calls), Usage())
        for k in range(calls):
            talk.add_output(f"{number}.{k}", "{}")
    assert talk.items[: len(before)] == before


def test_old_outputs_go_first_and_say_how_to_see_them_again() -> None:
    talk = conversation([1] * 10)
    talk.drop_old_outputs()
    outputs = [i["output"] for i in talk.items if i.get("type") == "function_call_output"]
    assert ["x" * 1000 in output for output in outputs] == [False] * 4 + [True] * OUTPUTS_KEPT
    assert json.loads(outputs[0]) == {
        "ok": True,
        "note": "Left out to save room. Read the file or the log again if you need it.",
    }


def test_a_summary_stands_between_the_opening_and_the_newest_turns() -> None:
    talk = conversation([1] * 10)
    talk.replace_by_summary("I wrote a.py.")
    said = talk.items[1]["content"][0]["text"]
    assert said == "# What you did so far in this step\nI wrote a.py."
    assert len([i for i in talk.items if i.get("type") == "function_call"]) == TURNS_KEPT


def test_it_is_full_by_what_the_server_counted_and_what_came_since() -> None:
    talk = Conversation(OPENING, 1000)
    talk.add_turn(made(1, 1), Usage(input=600, output=50))
    assert not talk.is_full
    talk.add_output("1.0", "y" * 350)
    assert talk.is_full


def test_ciphertext_of_reasoning_does_not_make_it_full() -> None:
    talk = Conversation(OPENING, 1000)
    for number in range(5):
        talk.add_turn(made(number, 0), Usage())
    assert not talk.is_full


def test_what_the_server_counted_still_holds_after_outputs_went() -> None:
    """Reasoning and images take room that no length tells."""
    talk = conversation([1] * 10, window=100_000)
    talk.add_turn(made(99, 1), Usage(input=90_000, output=50))
    talk.add_output("99.0", "{}")
    talk.drop_old_outputs()
    assert talk.is_full
    talk.replace_by_summary("I did things.")
    assert not talk.is_full
