"""What the journal keeps of a finished response: pure functions, no server."""

import pytest

from agent.llm import Json, LLMFatal, LLMRetry, Request, Turn, Usage
from agent.llm.responses import to_turn, to_wire


def message(text: str, **more: object) -> Json:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "role": "assistant", "id": "msg_1", "content": [part], **more}


def reasoning(ciphertext: str | None) -> Json:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": ciphertext}


CALL: Json = {
    "type": "function_call",
    "id": "fc_1",
    "status": "completed",
    "call_id": "call_1",
    "name": "shell",
    "arguments": '{"command": "ls"}',
}


def turn(*items: Json, **response: object) -> Turn:
    head: Json = {"id": "resp_1", "model": "gpt-6.1-sol", "status": "completed", **response}
    return to_turn(head, list(items), request_id="req_1", ms=5)


def test_ids_and_statuses_are_dropped_ciphertext_and_phase_stay() -> None:
    items = turn(reasoning("gAAAA"), message("Looking.", phase="commentary"), CALL).items
    assert items[0] == {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"}
    assert items[1]["phase"] == "commentary"
    assert items[1]["content"] == [{"type": "output_text", "text": "Looking.", "annotations": []}]
    assert items[2] == {k: v for k, v in CALL.items() if k not in ("id", "status")}


def test_reasoning_without_ciphertext_cannot_be_echoed_and_is_left_out() -> None:
    assert turn(reasoning(None), message("Hi.")).items == turn(message("Hi.")).items


def test_commentary_is_no_part_of_the_answer() -> None:
    said = turn(message("Let me see.", phase="commentary"), message("{}", phase="final_answer"))
    assert said.text == "{}"


def test_messages_without_a_phase_are_all_the_answer() -> None:
    assert turn(message("One."), message("Two.")).text == "One.\n\nTwo."


@pytest.mark.parametrize(
    ("details", "stop", "error"),
    [
        ({"reason": "max_output_tokens"}, "max_tokens", None),
        ({"reason": "content_filter"}, "filtered", None),
        ({"reason": "tired"}, "failed", "incomplete: tired"),
        (None, "failed", "incomplete: unknown reason"),
    ],
)
def test_half_a_turn_never_enters_the_history(
    details: Json | None, stop: str, error: str | None
) -> None:
    half = turn(reasoning("gAAAA"), CALL, status="incomplete", incomplete_details=details)
    assert (half.stop, half.error, half.items, half.calls) == (stop, error, [], [])


def test_usage_may_be_missing_in_whole_or_in_part() -> None:
    assert turn(message("Hi."), usage=None).usage == Usage()
    usage = {"input_tokens": 9, "input_tokens_details": None, "output_tokens": None}
    assert turn(message("Hi."), usage=usage).usage == Usage(input=9)


def test_what_was_cached_is_input_also_where_it_is_counted_beside_it() -> None:
    usage = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 90}, "output_tokens": -1}
    assert turn(message("Hi."), usage=usage).usage == Usage(input=100, cached=90)


def test_usage_is_counted_by_kind() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 50},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 20},
    }
    expected = Usage(input=100, cached=40, cache_write=50, output=30, reasoning=20)
    assert turn(message("Hi."), usage=usage).usage == expected


def test_a_server_that_fails_is_tried_again_a_prompt_it_refuses_is_not() -> None:
    with pytest.raises(LLMRetry):
        turn(status="failed", error={"code": "server_error", "message": "oops"})
    with pytest.raises(LLMRetry):
        turn(status="failed", error=None)
    refused = turn(status="failed", error={"code": "invalid_prompt", "message": "no"})
    assert (refused.stop, refused.error) == ("failed", "invalid_prompt: no")


def test_a_call_without_an_id_names_the_setting_to_change() -> None:
    with pytest.raises(LLMFatal, match="LLM_API=chat"):
        turn({k: v for k, v in CALL.items() if k != "call_id"})


def test_a_turn_survives_the_journal_in_few_bytes() -> None:
    before = turn(reasoning("gAAAA"), CALL)
    dumped = before.model_dump(mode="json", exclude_defaults=True)
    assert Turn.model_validate(dumped) == before
    assert "text" not in dumped
    assert "usage" not in dumped


def test_only_what_is_asked_for_is_sent() -> None:
    least = to_wire(Request(model="m", instructions="i", items=[]))
    assert set(least) == {
        *("model", "instructions", "input", "store", "include", "reasoning", "stream"),
        "max_output_tokens",
    }
    assert least["store"] is False
    assert least["reasoning"] == {"summary": "auto"}
    most = to_wire(
        Request(
            model="m",
            instructions="i",
            items=[],
            tools=[{"type": "function"}],
            effort="high",
            max_output_tokens=5,
            cache_key="task",
            user_hash="u",
            parallel=False,
        )
    )
    assert most["reasoning"]["effort"] == "high"
    assert most["parallel_tool_calls"] is False
    assert most["prompt_cache_key"]
    assert most["safety_identifier"] == "u"
    assert not {"temperature", "top_p", "previous_response_id"} & set(most)
