"""The failure table: each way a call can fail, told apart as retry, fatal or overflow."""

import socket

import pytest

from agent.llm import LLM, LLMContextOverflow, LLMFatal, LLMRetry, Request, llm_for
from local.model import Fault, ScriptedModel
from tests.integration.llm.conftest import Api

REQUEST = Request(
    model="gpt-6.1-sol",
    instructions="Be brief.",
    items=[{"type": "message", "role": "user", "content": "hello"}],
)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_passing_trouble_is_worth_another_try(
    llm: LLM, server: ScriptedModel, status: int
) -> None:
    server.fail(Fault(kind="status", status=status))
    with pytest.raises(LLMRetry) as caught:
        await llm.turn(REQUEST)
    assert caught.value.after is None
    assert str(status) in str(caught.value)
    assert len(server.requests) == 1, "nobody but the engine may retry"
    assert (await llm.turn(REQUEST)).stop == "end"


async def test_the_server_says_when_to_try_again(llm: LLM, server: ScriptedModel) -> None:
    server.fail(Fault(kind="status", status=429, retry_after="7"))
    with pytest.raises(LLMRetry) as caught:
        await llm.turn(REQUEST)
    assert caught.value.after == 7.0


@pytest.mark.parametrize(
    ("status", "code", "names"),
    [
        (400, "bad_request", "refused the request"),
        (401, "auth", "OPENAI_API_KEY"),
        (403, "forbidden", "may not use"),
        (404, "model_or_url", "OPENAI_BASE_URL"),
        (422, "bad_request", "refused the request"),
    ],
)
async def test_what_can_never_work_names_whose_move_it_is(
    llm: LLM, server: ScriptedModel, status: int, code: str, names: str
) -> None:
    server.fail(Fault(kind="status", status=status))
    with pytest.raises(LLMFatal) as caught:
        await llm.turn(REQUEST)
    assert caught.value.code == code
    assert names in str(caught.value)


@pytest.mark.parametrize(
    "code",
    [
        "insufficient_quota",
        "credit_balance_exhausted",
        "project_spend_limit_exceeded",
        "organization_spend_limit_exceeded",
        "monthly_usage_limit_exceeded",
    ],
)
async def test_an_empty_account_is_no_rate_limit(
    llm: LLM, server: ScriptedModel, code: str
) -> None:
    server.fail(Fault(kind="insufficient_quota", code=code))
    with pytest.raises(LLMFatal) as caught:
        await llm.turn(REQUEST)
    assert caught.value.code == "quota"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="context_length_exceeded"),
        Fault(kind="status", status=413),
        Fault(kind="status", status=400, message="This model's maximum context length is 8192."),
        Fault(kind="failed", code="context_length_exceeded"),
    ],
    ids=["code", "413", "words", "failed"],
)
async def test_a_history_too_long_asks_to_be_compacted(
    responses_llm: LLM, server: ScriptedModel, fault: Fault
) -> None:
    server.fail(fault)
    with pytest.raises(LLMContextOverflow) as caught:
        await responses_llm.turn(REQUEST)
    assert caught.value.code == "context_overflow"


@pytest.mark.parametrize("kind", ["drop", "truncate", "broken_json", "error_event"])
@pytest.mark.parametrize("after_frames", [0, 2, None], ids=["at once", "early", "late"])
async def test_a_broken_stream_is_never_taken_for_an_answer(
    llm: LLM, server: ScriptedModel, kind: str, after_frames: int | None
) -> None:
    server.fail(Fault.model_validate({"kind": kind, "after_frames": after_frames}))
    with pytest.raises(LLMRetry):
        await llm.turn(REQUEST)


async def test_a_nested_error_event_is_told_like_a_flat_one(
    llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="nested_error_event", message="over capacity"))
    with pytest.raises(LLMRetry, match="over capacity"):
        await llm.turn(REQUEST)


@pytest.mark.parametrize("kind", ["error_event", "nested_error_event"])
async def test_an_empty_account_told_in_mid_stream_is_fatal(
    responses_llm: LLM, server: ScriptedModel, kind: str
) -> None:
    server.fail(Fault.model_validate({"kind": kind, "code": "insufficient_quota"}))
    with pytest.raises(LLMFatal) as caught:
        await responses_llm.turn(REQUEST)
    assert caught.value.code == "quota"


async def test_silence_is_bounded(server: ScriptedModel, api: Api) -> None:
    server.fail(Fault(kind="stall", after_frames=2))
    llm = llm_for(api_key="k", api=api, base_url=server.base_url, idle_timeout_seconds=0.2)
    with pytest.raises(LLMRetry, match="silent"):
        await llm.turn(REQUEST)
    await llm.aclose()


async def test_a_server_that_is_not_there_may_come_back(api: Api) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        llm = llm_for(api_key="k", api=api, base_url=url)
        with pytest.raises(LLMRetry, match="connection"):
            await llm.turn(REQUEST)
        await llm.aclose()


async def test_a_web_page_is_not_an_answer(llm: LLM, server: ScriptedModel) -> None:
    server.fail(Fault(kind="html"))
    with pytest.raises(LLMFatal, match="text/html") as caught:
        await llm.turn(REQUEST)
    assert caught.value.code == "model_or_url"


async def test_a_response_failed_by_the_server_is_worth_another_try(
    llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="failed", code="server_error"))
    with pytest.raises(LLMRetry):
        await llm.turn(REQUEST)


async def test_a_response_failed_for_what_was_asked_is_an_answer(
    responses_llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="failed", code="invalid_prompt"))
    turn = await responses_llm.turn(REQUEST)
    assert turn.stop == "failed"
    assert turn.error is not None
    assert turn.error.startswith("invalid_prompt")
    assert turn.items == []


async def test_an_unknown_model_is_named(llm: LLM) -> None:
    with pytest.raises(LLMFatal, match="gpt-3") as caught:
        await llm.turn(REQUEST.model_copy(update={"model": "gpt-3"}))
    assert caught.value.code == "model_or_url"


@pytest.mark.parametrize("key", ["", " \n", "sk-one sk-two", "sk-ключ"])
def test_what_can_be_no_key_is_told_before_anything_is_sent(key: str) -> None:
    with pytest.raises(LLMFatal, match="OPENAI_API_KEY") as caught:
        llm_for(api_key=key)
    assert caught.value.code == "auth"


async def test_a_key_pasted_with_a_newline_works(server: ScriptedModel, api: Api) -> None:
    llm = llm_for(api_key="sk-local\n", api=api, base_url=server.base_url)
    assert (await llm.turn(REQUEST)).stop == "end"
    await llm.aclose()
