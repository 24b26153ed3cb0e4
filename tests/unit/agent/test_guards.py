"""When a step has gone on for long enough, in words a person understands."""

import json
from typing import Any

import pytest

from agent import protocol as p
from agent.config import RunConfig
from agent.guards import Guards, StepOver
from agent.llm import ToolCall
from agent.policy import Policy
from agent.tools.contract import ToolResult, problem


def guards(**limits: Any) -> Guards:
    return Guards(RunConfig(model="m", plan_model="m", policy=Policy(), **limits))


def call(name: str = "shell", **arguments: Any) -> ToolCall:
    return ToolCall(call_id="c", name=name, raw=json.dumps(arguments))


DONE = ToolResult(ok=True, data={"output": "same", "seconds": 1.0})


def over(guard: Guards, *pairs: tuple[ToolCall, ToolResult]) -> tuple[int, str]:
    """After how many of the calls the step ends, and with which words."""
    for number, (made, result) in enumerate(pairs, 1):
        try:
            guard.after_call(made, result)
        except StepOver as end:
            return number, str(end)
    return 0, ""


def test_the_same_call_with_the_same_result_is_warned_of_then_ended() -> None:
    guard = guards()
    told = [guard.after_call(call(command="ls"), DONE) for _ in range(4)]
    assert ["warning" in result.data for result in told] == [False, False, True, True]
    assert over(guard, (call(command="ls"), DONE)) == (
        1,
        "The model repeated the same shell call 5 times.",
    )


def test_another_order_of_arguments_and_another_duration_are_no_difference() -> None:
    calls = [call(command="ls", workdir=None), call(workdir=None, command="ls")] * 3
    results = [ToolResult(ok=True, data={"output": "x", "seconds": n}) for n in range(6)]
    assert over(guards(), *zip(calls, results, strict=True))[0] == 5


def test_a_call_whose_result_changes_is_work() -> None:
    made = [(call(command="make"), ToolResult(ok=False, data={"output": n})) for n in range(30)]
    assert over(guards(), *made) == (0, "")


def test_two_calls_in_turn_are_a_circle() -> None:
    a, b = (call(command="a"), DONE), (call(command="b"), DONE)
    number, words = over(guards(), *([a, b] * 6))
    assert number == 8
    assert words == "The model made the same two calls in turn, 4 times."


def test_a_circle_with_something_new_in_it_is_none() -> None:
    edits = [ToolResult(ok=True, data={"bytes": n}) for n in range(8)]
    pairs = [
        pair for n in range(4) for pair in ((call(path="x"), edits[n]), (call(command="t"), DONE))
    ]
    assert over(guards(), *pairs) == (0, "")


def test_calls_that_nobody_can_read_end_the_step_with_what_is_wrong() -> None:
    bad = [problem("bad_arguments", f"command: wrong {n}") for n in range(3)]
    words = over(guards(), *((call(n=n), result) for n, result in enumerate(bad)))
    assert words == (
        3,
        "The model wrote 3 tool calls in a row that could not be read "
        "(the last one: command: wrong 2).",
    )


def test_one_readable_call_in_between_forgives() -> None:
    pairs = [
        (call(n=n), DONE if n % 3 == 2 else problem("bad_arguments", str(n))) for n in range(12)
    ]
    assert over(guards(), *pairs) == (0, "")


@pytest.mark.parametrize(
    ("limits", "spent", "words"),
    [
        ({"step_turns": 2}, (0.0, 0), "The step needed more than 2 turns."),
        ({"step_seconds": 60}, (61.0, 0), "The step took longer than 1 minute."),
        ({"step_tokens": 1000}, (0.0, 1001), "The step used more than 1,000 tokens."),
    ],
)
def test_every_limit_ends_in_a_sentence(
    limits: dict[str, int], spent: tuple[float, int], words: str
) -> None:
    guard = guards(**limits)
    seconds, tokens = spent
    for _ in range(limits.get("step_turns", 0)):
        guard.begin_turn(seconds, p.Usage(input=tokens))
    with pytest.raises(StepOver) as ended:
        guard.begin_turn(seconds, p.Usage(input=tokens))
    assert str(ended.value) == words
    assert ended.value.outcome == "blocked"


def test_only_as_many_calls_are_made_as_a_step_may_make() -> None:
    guard = guards(step_calls=5)
    assert guard.allow_calls(3) == 3
    guard.no_more_calls()
    assert guard.allow_calls(4) == 2
    with pytest.raises(StepOver, match="more than 5 tool calls"):
        guard.no_more_calls()


def test_a_second_useless_turn_in_a_row_ends_the_step_but_not_one_after_work() -> None:
    guard = guards()
    guard.useless_turn("said nothing")
    guard.allow_calls(1)
    guard.useless_turn("said nothing")
    with pytest.raises(StepOver, match="said nothing"):
        guard.useless_turn("said nothing")


def test_waiting_for_a_quiet_command_is_no_repetition() -> None:
    guard = guards()
    running = ToolResult(ok=True, data={"state": "running", "output": "", "seconds": 1.0})
    waited = [guard.after_call(call("job", job_id="j", action="wait"), running) for _ in range(20)]
    assert waited == [running] * 20
