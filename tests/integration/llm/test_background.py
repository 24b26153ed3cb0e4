"""Answers made in the background: short requests, a durable wait between them, nothing left
behind."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import restate
from restate import Context, TerminalError

from agent import model, settings, transcript
from agent import protocol as p
from agent.background import answers, ask_in_background, current_background
from agent.llm import (
    BackgroundLLM,
    Endpoint,
    LLMContextOverflow,
    LLMFatal,
    LLMRetry,
    Request,
    Turn,
)
from agent.llm.background import AnswerLost
from agent.provider import provider
from local.model import Fault, Reply, ScriptedModel, call, running_model
from sandbox.durable import is_cancel
from tests.fakes.restate import Engine, running_engine
from tests.polling import until

REPLY = Reply(text="Looking.", calls=(call("shell", {"command": "ls"}),), thinking="Hm.")
REQUEST = Request(
    model="gpt-6.1-sol",
    instructions="Be brief.",
    items=[{"type": "message", "role": "user", "content": "hello"}],
    cache_key="t1",
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
POLL = "GET /v1/responses/"


@pytest.fixture
async def slow_server() -> AsyncIterator[ScriptedModel]:
    async with running_model(scenarios=[lambda _: REPLY], background_ms=300) as running:
        yield running


@pytest.fixture
async def llm(slow_server: ScriptedModel) -> AsyncIterator[BackgroundLLM]:
    client = BackgroundLLM(Endpoint(api_key="k", base_url=slow_server.base_url))
    yield client
    await client.aclose()


async def end_of(llm: BackgroundLLM, answer: str) -> Turn:
    deadline = time.monotonic() + 60
    while (turn := await llm.poll(answer)) is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    return turn


async def test_an_answer_is_asked_for_until_it_is_there(
    llm: BackgroundLLM, slow_server: ScriptedModel
) -> None:
    slow_server.shelf.seconds = 600
    answer = await llm.start(REQUEST)
    assert await llm.poll(answer) is None
    slow_server.shelf.stored[answer].ready_at = time.monotonic()
    turn = await end_of(llm, answer)
    assert (turn.stop, turn.text, turn.response_id) == ("tools", "Looking.", answer)
    assert turn.usage.output > 0
    reasoning = turn.items[0]
    assert reasoning["type"] == "reasoning"
    assert reasoning["encrypted_content"], "the next turn needs it, and the answer is deleted"
    assert '"id"' not in json.dumps(turn.items)
    body = slow_server.requests[0].body
    assert (body["background"], body["store"]) == (True, True)
    assert "stream" not in body


async def test_an_answer_in_the_background_may_enter_a_history(llm: BackgroundLLM) -> None:
    turn = await end_of(llm, await llm.start(REQUEST))
    output = {"type": "function_call_output", "call_id": turn.calls[0].call_id, "output": "a b"}
    items = [*REQUEST.items, *turn.items, output]
    await llm.start(REQUEST.model_copy(update={"items": items}))


async def test_a_deleted_answer_is_gone_and_twice_is_the_same(
    llm: BackgroundLLM, slow_server: ScriptedModel
) -> None:
    answer = await llm.start(REQUEST)
    await end_of(llm, answer)
    for _ in range(2):
        await llm.cancel(answer)
        await llm.delete(answer)
    assert slow_server.shelf.stored == {}
    with pytest.raises(AnswerLost, match="not know the answer"):
        await llm.poll(answer)


async def test_a_cancelled_answer_is_lost(llm: BackgroundLLM) -> None:
    answer = await llm.start(REQUEST)
    await llm.cancel(answer)
    with pytest.raises(AnswerLost, match="cancelled"):
        await llm.poll(answer)


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (Fault(kind="failed", code="server_error"), AnswerLost),
        (Fault(kind="failed", code="rate_limit_exceeded"), AnswerLost),
        (Fault(kind="failed", code="context_length_exceeded"), LLMContextOverflow),
        (Fault(kind="failed", code="insufficient_quota"), LLMFatal),
    ],
    ids=["server", "rate", "window", "quota"],
)
async def test_an_answer_that_failed_is_told_as_a_streamed_one(
    llm: BackgroundLLM, slow_server: ScriptedModel, fault: Fault, raised: type[Exception]
) -> None:
    slow_server.fail(fault)
    answer = await llm.start(REQUEST)
    with pytest.raises(raised):
        await end_of(llm, answer)


@pytest.mark.parametrize(
    ("fault", "stop"),
    [
        (Fault(kind="incomplete"), "max_tokens"),
        (Fault(kind="incomplete", code="content_filter"), "filtered"),
        (Fault(kind="failed", code="invalid_prompt"), "failed"),
    ],
    ids=["cut", "filtered", "refused"],
)
async def test_half_an_answer_is_no_turn(
    llm: BackgroundLLM, slow_server: ScriptedModel, fault: Fault, stop: str
) -> None:
    slow_server.fail(fault)
    turn = await end_of(llm, await llm.start(REQUEST))
    assert (turn.stop, turn.items, turn.calls) == (stop, [], [])


async def test_trouble_while_asking_says_nothing_of_the_answer(
    llm: BackgroundLLM, slow_server: ScriptedModel
) -> None:
    answer = await llm.start(REQUEST)
    slow_server.fail(Fault(kind="status", status=429, retry_after="2", match=POLL))
    with pytest.raises(LLMRetry) as caught:
        await llm.poll(answer)
    assert not isinstance(caught.value, AnswerLost)
    assert (caught.value.after, caught.value.limited) == (2.0, True)
    assert (await end_of(llm, answer)).text == "Looking."


async def test_a_server_without_background_mode_is_told(llm: BackgroundLLM) -> None:
    with pytest.raises(LLMFatal, match="gpt-3"):
        await llm.start(REQUEST.model_copy(update={"model": "gpt-3"}))


# --- durably --------------------------------------------------------------------------------------


class Asked(p.Wire):
    limit_seconds: float = 60


class Answered(p.Wire):
    text: str
    code: str = ""
    ms: int = 0


waiter = restate.Service("Waiter")
limited: list[float | None] = []


async def note_limit(refused: p.Refused) -> None:
    assert refused.began <= refused.at
    limited.append(refused.after)


@waiter.handler()
async def wait(ctx: Context, asked: Asked) -> Answered:
    llm = current_background()
    try:
        turn = await ask_in_background(
            ctx,
            "turn 1",
            lambda: llm.start(REQUEST),
            llm,
            limit=timedelta(seconds=asked.limit_seconds),
            first_seconds=0.1,
            on_limited=note_limit,
        )
    except TerminalError as error:
        if is_cancel(error):
            raise
        return Answered(text=error.message, code=(error.metadata or {}).get("code", ""))
    return Answered(text=turn.text, ms=turn.ms)


@waiter.handler()
async def call_model(ctx: Context, _: p.Nothing) -> Answered:
    """As the product asks."""

    async def look(_: str, limit_bytes: int) -> bytes:
        return PNG[:limit_bytes]

    items = [transcript.user("what is this?", ["a.png"])]
    request = REQUEST.model_copy(update={"items": items})
    caller = model.Caller(ctx, "a session", background=True)
    turn = await caller.ask("turn 1", request, look)
    return Answered(text=turn.text)


CALL = p.Handler("Waiter", "call_model", p.Nothing, Answered)
WAIT = p.Handler("Waiter", "wait", Asked, Answered)


@pytest.fixture
async def engine(
    slow_server: ScriptedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Engine]:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", slow_server.base_url)
    monkeypatch.setenv("LLM_API", "responses")
    settings.current.cache_clear()
    current_background.cache_clear()
    async with running_engine(tmp_path / "restate") as running:
        async with running.serve([waiter, answers, provider]):
            yield running
        await current_background().aclose()
    settings.current.cache_clear()
    current_background.cache_clear()


def made(server: ScriptedModel) -> list[str]:
    return [f"{one.method} {one.path}" for one in server.requests if one.path == "/v1/responses"]


async def test_a_durable_wait_ends_with_the_answer_and_leaves_nothing_stored(
    engine: Engine, slow_server: ScriptedModel
) -> None:
    await engine.replay_always([waiter])  # each await suspends, as on serverless
    answered = await engine.client.call(WAIT, None, Asked())
    assert answered.text == "Looking."
    assert answered.ms >= 300
    assert len(made(slow_server)) == 1
    await until(lambda: not slow_server.shelf.stored)


async def test_a_lost_answer_is_started_anew_and_passing_trouble_is_borne(
    engine: Engine, slow_server: ScriptedModel
) -> None:
    limited.clear()
    slow_server.fail(Fault(kind="status", status=429, retry_after="0.2"))
    slow_server.fail(Fault(kind="failed", code="server_error", times=2))
    slow_server.fail(Fault(kind="status", status=503, match=POLL, times=2))
    slow_server.fail(Fault(kind="status", status=404, match=POLL))
    answered = await engine.client.call(WAIT, None, Asked())
    assert answered.text == "Looking."
    assert len(made(slow_server)) == 4, "refused, gone, failed, answered"
    assert limited == [0.2]
    await until(lambda: not slow_server.shelf.stored)


async def test_a_rate_limit_is_waited_out_once_and_not_with_a_seat_in_hand(
    engine: Engine, slow_server: ScriptedModel
) -> None:
    slow_server.fail(Fault(kind="status", status=429, retry_after="30"))
    asked = engine.client.call(WAIT, None, Asked())  # its `on_limited` has a seat at once
    assert (await asyncio.wait_for(asked, timeout=25)).text == "Looking."


async def test_a_call_in_the_background_shows_images_and_bears_a_rate_limit(
    engine: Engine, slow_server: ScriptedModel
) -> None:
    slow_server.fail(Fault(kind="status", status=429, retry_after="0.2"))
    assert (await engine.client.call(CALL, None, p.Nothing())).text == "Looking."
    sent = [one.body for one in slow_server.requests if one.path == "/v1/responses"]
    assert len(sent) == 2
    assert "data:image/png" in json.dumps(sent[-1]["input"])
    assert "data:image/png" not in json.dumps(await engine.query("select * from sys_journal"))


async def test_what_can_never_work_ends_at_once_with_its_code(
    engine: Engine, slow_server: ScriptedModel
) -> None:
    slow_server.fail(Fault(kind="insufficient_quota"))
    answered = await engine.client.call(WAIT, None, Asked())
    assert answered.code == "quota"
    assert "no budget left" in answered.text
    assert len(made(slow_server)) == 1


async def test_a_wait_is_bounded(engine: Engine, slow_server: ScriptedModel) -> None:
    slow_server.shelf.seconds = 60
    slow_server.fail(Fault(kind="status", status=503, match=POLL, times=100))
    answered = await engine.client.call(WAIT, None, Asked(limit_seconds=3))
    assert answered.text.startswith("The model gave no answer for")
    assert "(503" in answered.text
    await until(lambda: not slow_server.shelf.stored)


async def test_a_stop_reaches_the_provider(engine: Engine, slow_server: ScriptedModel) -> None:
    slow_server.shelf.seconds = 60
    asking = asyncio.create_task(engine.client.call(WAIT, None, Asked()))
    await until(lambda: any(one.method == "GET" for one in slow_server.requests))
    [invocation] = await engine.query(
        "select id from sys_invocation where target_service_name = 'Waiter'"
    )
    stopped = time.monotonic()
    await engine.cancel(invocation["id"])
    with pytest.raises(Exception, match="cancelled"):
        await asking
    assert time.monotonic() - stopped < 30  # the answer would take a minute
    await until(lambda: not slow_server.shelf.stored)
    told = [f"{one.method} {one.path.rsplit('/', 1)[-1]}" for one in slow_server.requests][-2:]
    assert told[0] == "POST cancel"
    assert told[1].startswith("DELETE resp_")


async def test_a_stop_while_an_answer_is_begun_leaves_none_behind(
    engine: Engine, slow_server: ScriptedModel
) -> None:
    slow_server.shelf.seconds = 60
    slow_server.delay_seconds = 4
    asking = asyncio.create_task(engine.client.call(WAIT, None, Asked()))
    await until(lambda: bool(slow_server.shelf.stored))
    [invocation] = await engine.query(
        "select id from sys_invocation where target_service_name = 'Waiter'"
    )
    stopped = time.monotonic()
    await engine.cancel(invocation["id"])
    with pytest.raises(Exception, match="cancelled"):
        await asking
    assert time.monotonic() - stopped < 3.5, "nobody waits for it"
    await until(lambda: not slow_server.shelf.stored)


async def test_a_secret_in_the_providers_words_stays_out_of_the_engine(
    engine: Engine, slow_server: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "proxy-key-Zq78xWv2Lm9"
    monkeypatch.setenv("THREADWRIGHT_SECRETS", secret)
    settings.current.cache_clear()
    for match in (POLL, "DELETE /v1/responses/"):
        message = f"the key {secret} has no seat"
        slow_server.fail(Fault(kind="status", status=503, match=match, message=message))
    assert (await engine.client.call(WAIT, None, Asked())).text == "Looking."
    await until(lambda: not slow_server.shelf.stored)
    kept = [
        await engine.query(f"select * from {table}")
        for table in ("sys_journal", "sys_journal_events", "sys_invocation")
    ]
    assert "has no seat" in json.dumps(kept)
    assert secret not in json.dumps(kept)
