"""The failure table: each way a call can fail, told apart as retry, fatal or overflow."""

import asyncio
import json
import socket
import traceback

import pytest
from aiohttp import web

from agent.llm import (
    LLM,
    ChatLLM,
    Endpoint,
    LLMContextOverflow,
    LLMError,
    LLMFatal,
    LLMRetry,
    Request,
    ResponsesLLM,
    llm_for,
)
from local.model import Fault, ScriptedModel
from tests.integration.llm.conftest import Api
from tests.serving import serving

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


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "limited"),
    [
        (Fault(kind="status", status=429), True),
        (Fault(kind="status", status=503), False),
        (Fault(kind="status", status=529), False),
        (Fault(kind="error_event", code="rate_limit_exceeded"), True),
        (Fault(kind="error_event", code="server_error"), False),
        (Fault(kind="nested_error_event", code="rate_limit_exceeded"), True),
    ],
)
async def test_a_rate_limit_is_told_apart_from_a_busy_server(
    llm: LLM, server: ScriptedModel, fault: Fault, limited: bool
) -> None:
    server.fail(fault)
    with pytest.raises(LLMRetry) as caught:
        await llm.turn(REQUEST)
    assert caught.value.limited is limited


async def test_a_response_failed_by_a_rate_limit_is_limited(
    responses_llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="failed", code="rate_limit_exceeded"))
    with pytest.raises(LLMRetry) as caught:
        await responses_llm.turn(REQUEST)
    assert caught.value.limited


async def test_a_bill_that_is_not_paid_is_no_budget(llm: LLM, server: ScriptedModel) -> None:
    server.fail(Fault(kind="status", status=402, message="Insufficient credits."))
    with pytest.raises(LLMFatal, match="no budget left") as caught:
        await llm.turn(REQUEST)
    assert caught.value.code == "quota"


@pytest.mark.parametrize("kind", ["error_event", "nested_error_event"])
async def test_a_history_too_long_may_be_told_in_mid_stream(
    llm: LLM, server: ScriptedModel, kind: str
) -> None:
    message = "This model's maximum context length is 8192 tokens."
    server.fail(Fault.model_validate({"kind": kind, "message": message}))
    with pytest.raises(LLMContextOverflow):
        await llm.turn(REQUEST)


# --- what is told ---------------------------------------------------------------------------------

KEY = "tw-local-key-0123456789"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=401, message=f"Incorrect API key provided: {KEY}."),
        Fault(kind="status", status=400, message=f"Bearer {KEY} and sk-proj-abcdef123456"),
        Fault(kind="status", status=500, message=f"key={KEY}"),
        Fault(kind="error_event", message=f"key={KEY}"),
        Fault(kind="nested_error_event", message=f"key={KEY}"),
        Fault(kind="status", status=400, message="x" * 290 + KEY),
    ],
    ids=["401", "400", "500", "event", "nested event", "cut"],
)
async def test_a_key_that_a_server_echoes_is_never_told(
    server: ScriptedModel, api: Api, fault: Fault
) -> None:
    server.fail(fault)
    llm = llm_for(api_key=KEY, api=api, base_url=server.base_url)
    with pytest.raises(LLMError) as caught:
        await llm.turn(REQUEST)
    await llm.aclose()
    whole = "".join(traceback.format_exception(caught.value))
    assert KEY[:10] not in whole
    assert "sk-proj" not in whole


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=400, message="wrong " * 400_000),
        Fault(kind="status", status=503, message="wrong\n" * 400_000),
        Fault(kind="status", status=400, message="<html><body>" + "x" * 2_000_000),
        Fault(kind="error_page", status=502),
        Fault(kind="error_page", status=403),
        Fault(kind="error_event", message="wrong " * 100_000),
    ],
    ids=["400", "503", "html in json", "502 page", "403 page", "event"],
)
async def test_what_is_told_is_one_short_sentence(
    llm: LLM, server: ScriptedModel, fault: Fault
) -> None:
    server.fail(fault)
    with pytest.raises(LLMError) as caught:
        await llm.turn(REQUEST)
    told = str(caught.value)
    assert len(told) < 500
    assert "\n" not in told
    assert "<" not in told
    assert told.endswith(").")


# --- floods ---------------------------------------------------------------------------------------


async def test_an_answer_without_an_end_is_cut(llm: LLM, server: ScriptedModel) -> None:
    server.fail(Fault(kind="flood"))
    turn = await asyncio.wait_for(llm.turn(REQUEST), 90)
    assert (turn.stop, turn.items, turn.calls) == ("max_tokens", [], [])
    assert turn.usage.output > 100_000, "what was paid for is counted, if only about"
    assert (await llm.turn(REQUEST)).stop == "end"


@pytest.mark.parametrize("backend", [ResponsesLLM, ChatLLM])
async def test_a_line_without_an_end_is_cut(
    server: ScriptedModel, backend: type[ResponsesLLM | ChatLLM]
) -> None:
    server.fail(Fault(kind="endless_line"))
    llm = backend(Endpoint(api_key="k", base_url=server.base_url, wire_bytes=1 << 20))
    turn = await asyncio.wait_for(llm.turn(REQUEST), 90)
    await llm.aclose()
    assert turn.stop == "max_tokens"


@pytest.mark.parametrize("backend", [ResponsesLLM, ChatLLM])
async def test_an_answer_that_trickles_for_ever_is_given_up(
    server: ScriptedModel, backend: type[ResponsesLLM | ChatLLM]
) -> None:
    server.fail(Fault(kind="drip"))
    llm = backend(Endpoint(api_key="k", base_url=server.base_url, call_seconds=0.3))
    with pytest.raises(LLMRetry, match="had not ended"):
        await llm.turn(REQUEST)
    await llm.aclose()


async def test_arguments_beyond_all_measure_are_broken_ones(
    llm: LLM, server: ScriptedModel
) -> None:
    server.fail(Fault(kind="huge_arguments"))
    turn = await llm.turn(REQUEST)
    [call] = turn.calls
    assert len(call.raw) < 1000
    assert call.raw.endswith("characters are too many)")
    assert len(json.dumps(turn.items)) < 5000


async def test_every_answer_is_bounded_by_the_request(llm: LLM, server: ScriptedModel) -> None:
    await llm.turn(REQUEST)
    body = server.requests[-1].body
    assert 32_000 in (body.get("max_output_tokens"), body.get("max_tokens"))


async def test_an_answer_of_unknown_shape_is_worth_another_try() -> None:
    async def strange(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "text/event-stream"
        await response.prepare(request)
        await response.write(b'data: {"type": "response.completed", "choices": ["?"]}\n\n')
        return response

    app = web.Application()
    app.router.add_post("/v1/{path:.*}", strange)
    async with serving(app) as url:
        for backend in (ResponsesLLM, ChatLLM):
            llm = backend(Endpoint(api_key="k", base_url=f"{url}/v1"))
            with pytest.raises(LLMRetry, match="unknown shape"):
                await llm.turn(REQUEST)
            await llm.aclose()
