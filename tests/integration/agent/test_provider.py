"""Calls of all sessions share what the provider allows, and its troubles end without a trace."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import restate
from restate import Context, ObjectSharedContext, TerminalError

from agent import calls, model, settings, transcript
from agent import protocol as p
from agent.llm import Request
from agent.provider import BOOK, provider
from agent.retries import LONG_STEP
from agent.seats import PASS_SECONDS, Book
from local.model import ScriptedModel, running_model, say
from local.model.faults import Fault
from local.model.limits import Limits
from sandbox.durable import is_cancel
from tests.fakes.restate import Engine, running_engine

MODEL = "gpt-6.1-sol"


class Work(p.Wire):
    session: str = "a session"
    calls: int = 1


class Ended(p.Wire):
    said: list[str] = []
    problem: str = ""
    code: str = ""
    cancelled: bool = False
    under_way: bool = False


caller = restate.Service("Caller", inactivity_timeout=LONG_STEP, abort_timeout=LONG_STEP)
WORK = p.Handler("Caller", "work", Work, Ended)
WAIT_FOR_SEAT = p.Handler("Caller", "wait_for_seat", p.SeatRequest, p.SeatPass)
BOOK_KEY = f"a provider:{MODEL}"


@caller.handler()
async def work(ctx: Context, wanted: Work) -> Ended:
    """One invocation that calls the model, as planning and steps do."""
    ours, said = model.Caller(ctx, wanted.session), []
    try:
        for number in range(1, wanted.calls + 1):
            request = Request(
                model=MODEL,
                instructions="Be brief.",
                items=[transcript.user(f"{wanted.session}: {number}")],
            )
            said.append((await ours.ask(f"turn {number}", request)).text)
    except TerminalError as error:
        code = (error.metadata or {}).get("code", "")
        cancelled = is_cancel(error)
        return Ended(
            said=said,
            problem=error.message,
            code=code,
            cancelled=cancelled,
            under_way=ours.under_way,
        )
    ours.rest()
    return Ended(said=said)


@caller.handler()
async def wait_for_seat(ctx: Context, wanted: p.SeatRequest) -> p.SeatPass:
    """As a caller whose clock says `wanted.at`."""
    ticket, granted = ctx.awakeable(type_hint=p.SeatPass)
    calls.send(ctx, p.TAKE_SEAT, BOOK_KEY, wanted.model_copy(update={"ticket": ticket}))
    return await granted


behind = restate.VirtualObject(p.PROVIDER)
"""Of a process whose clock is a minute late."""


@behind.handler(kind="shared")
async def look(ctx: ObjectSharedContext, _: p.Nothing) -> p.ProviderStanding:
    return p.ProviderStanding(until=time.time() - 60 + PASS_SECONDS)


class Served:
    """Callers of the model, the object that has them wait, and the model's server."""

    def __init__(self, engine: Engine, server: ScriptedModel) -> None:
        self.engine = engine
        self.server = server

    async def work(self, wanted: Work) -> Ended:
        return await self.engine.client.call(WORK, None, wanted)

    async def begin(self, wanted: Work) -> str:
        return await self.engine.send("Caller/work", wanted.model_dump())

    async def cancel(self, invocation: str) -> tuple[Ended, float]:
        """How it ended, and after how many seconds."""
        began = time.monotonic()
        await self.engine.cancel(invocation)
        return await self.end_of(invocation), time.monotonic() - began

    async def end_of(self, invocation: str) -> Ended:
        url = f"{self.engine.server.ingress_url}/restate/attach/{invocation}"
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return Ended.model_validate(await response.json())

    async def book(self) -> Book:
        sql = f"select value_utf8 from state where service_name = 'Provider' and key = '{BOOK}'"
        rows = await self.engine.query(sql)
        return Book.model_validate_json(rows[0]["value_utf8"]) if rows else Book()

    async def until_book(self, holds: Any) -> Book:
        async with asyncio.timeout(90):
            while not holds(book := await self.book()):
                await asyncio.sleep(0.02)
        return book

    async def entries(self) -> list[str]:
        """Names of what the callers journaled, in order."""
        rows = await self.engine.query(
            "select j.name, j.entry_type from sys_journal j join sys_invocation i on j.id = i.id "
            "where i.target_service_name = 'Caller' order by j.index"
        )
        return [row.get("name") or row["entry_type"] for row in rows]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`async with serve(limits, LLM_CONCURRENCY="3") as served`."""

    @asynccontextmanager
    async def make(
        limits: Limits | None = None,
        delay_ms: float = 0,
        replay_always: bool = False,
        provided: restate.VirtualObject = provider,
        **environ: str,
    ) -> AsyncIterator[Served]:
        async with (
            running_model(scenarios=[lambda _: say("Yes.")], delay_ms=delay_ms) as server,
            running_engine(tmp_path / "restate") as engine,
        ):
            server.limits = limits or Limits()
            wanted = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": server.base_url}
            for name, value in {**wanted, "LLM_API": "responses", **environ}.items():
                monkeypatch.setenv(name, value)
            _forget()
            try:
                async with engine.serve([caller, provided]):
                    if replay_always:
                        await engine.replay_always([caller])
                    yield Served(engine, server)
            finally:
                await model.current_llm().aclose()
                _forget()

    return make


def _forget() -> None:
    settings.current.cache_clear()
    model.current_llm.cache_clear()


async def test_thirty_sessions_share_three_calls_at_once_without_one_refusal(serve: Any) -> None:
    async with serve(Limits(at_once=3), 100, LLM_CONCURRENCY="3") as served:
        ended = await asyncio.gather(
            *(served.work(Work(session=f"s{n}", calls=2)) for n in range(30))
        )
        book = await served.until_book(lambda book: not book.seats)
        limits = served.server.limits
    assert [one.said for one in ended] == [["Yes.", "Yes."]] * 30
    assert (limits.served, limits.refused) == (60, 0)
    assert 1 < limits.most_at_once <= 3
    assert not book.waiting


async def test_sessions_that_nobody_told_a_limit_learn_it_from_refusals(serve: Any) -> None:
    async with serve(Limits(at_once=3), 100) as served:
        ended = await asyncio.gather(
            *(served.work(Work(session=f"s{n}", calls=2)) for n in range(30))
        )
        book = await served.book()
        limits = served.server.limits
    assert [one.said for one in ended] == [["Yes.", "Yes."]] * 30
    assert limits.refused < 60  # each of a stampede would be refused some times over
    assert book.learned is not None


async def test_so_many_calls_in_a_minute_are_not_exceeded(serve: Any) -> None:
    async with serve(Limits(per_minute=60), LLM_CALLS_PER_MINUTE="60") as served:
        ended = await asyncio.gather(*(served.work(Work(session=f"s{n}")) for n in range(12)))
        limits = served.server.limits
    assert all(one.said for one in ended)
    assert (limits.served, limits.refused) == (12, 0)


async def test_a_quiet_provider_is_asked_for_once_in_twenty_calls(serve: Any) -> None:
    async with serve() as served:
        await served.work(Work(calls=20))
        entries = await served.entries()
        book = await served.book()
    assert [e for e in entries if e.startswith("turn")] == [
        f"turn {n}: model" for n in range(1, 21)
    ]
    assert entries.count("Command: Call") == 1
    assert book == Book()


async def test_quiet_calls_within_a_limit_take_one_seat_for_all_of_them(serve: Any) -> None:
    async with serve(LLM_CONCURRENCY="50") as served:
        await served.work(Work(calls=20))
        book = await served.until_book(lambda book: book.asked == 1 and not book.seats)
    assert not book.waiting


@pytest.mark.parametrize(
    ("fault", "environ"),
    [
        (Fault(kind="status", status=503, times=3), {}),
        (Fault(kind="status", status=429, retry_after="1"), {}),
        (Fault(kind="status", status=429, times=2), {"LLM_CONCURRENCY": "2"}),
        (Fault(kind="drop", times=2), {"LLM_CONCURRENCY": "2"}),
    ],
    ids=["503", "429 with Retry-After", "429", "cut off"],
)
async def test_passing_trouble_is_waited_out_and_replays_the_same(
    serve: Any, fault: Fault, environ: dict[str, str]
) -> None:
    async with serve(replay_always=True, **environ) as served:
        served.server.fail(fault)  # which counts down a copy
        began = time.monotonic()
        ended = await served.work(Work(calls=2))
        lasted = time.monotonic() - began
    assert ended.said == ["Yes.", "Yes."]
    assert len(served.server.requests) == 2 + (3 if fault.status == 503 else fault.times or 1) or (
        fault.times == 0
    )
    if fault.retry_after:
        assert lasted >= 1.0


async def test_a_refusal_holds_back_everyone_for_as_long_as_it_says(serve: Any) -> None:
    async with serve() as served:
        served.server.fail(Fault(kind="status", status=429, retry_after="2"))
        first = await served.begin(Work(session="first"))
        book = await served.until_book(lambda book: book.held_until > 0)
        second = await served.work(Work(session="second"))
        now = time.time()
        assert (await served.end_of(first)).said == second.said == ["Yes."]
    assert now >= book.held_until
    assert len(served.server.requests) == 3


async def test_a_process_whose_clock_is_late_grants_passes_all_the_same(serve: Any) -> None:
    async with serve(provided=behind) as served:
        ended = await served.work(Work(calls=2))
        entries = await served.entries()
    assert (ended.said, ended.problem) == (["Yes.", "Yes."], "")
    assert sum(entry.startswith("turn") for entry in entries) == 4


async def test_a_request_that_was_long_on_its_way_is_served_by_the_present_time(serve: Any) -> None:
    limits = p.ProviderLimits(tokens_per_minute=60_000)
    async with serve() as served:
        seats, now = served.engine.client, time.time()
        whole = p.SeatRequest(ticket="", session="a", at=now, tokens=10_000, limits=limits)
        await seats.call(WAIT_FOR_SEAT, None, whole)
        old = p.SeatRequest(ticket="", session="b", at=now - 3600, tokens=750, limits=limits)
        granted = await asyncio.wait_for(seats.call(WAIT_FOR_SEAT, None, old), timeout=25)
    assert granted.until > now


async def test_no_clock_of_a_caller_keeps_those_who_wait_from_being_looked_at(serve: Any) -> None:
    async with serve() as served:
        seats, now = served.engine.client, time.time()
        held = p.SeatReturn(at=now, refused=p.Refused(began=now, at=now, after=600))
        await seats.call(p.RETURN_SEAT, BOOK_KEY, held)
        old = p.SeatRequest(ticket="", session="b", at=now - 3600)
        waiting = asyncio.create_task(seats.call(WAIT_FOR_SEAT, None, old))
        await served.until_book(lambda book: book.waiting)
        [looked] = await served.engine.query(
            "select * from sys_invocation where target_handler_name = 'call_those_who_wait'"
        )
        waiting.cancel()
    assert datetime.fromisoformat(looked["scheduled_start_at"]).timestamp() < time.time() + 31


async def test_an_interrupt_ends_a_call_that_backs_off_at_once(serve: Any) -> None:
    async with serve(LLM_CONCURRENCY="1") as served:
        served.server.fail(Fault(kind="status", status=503, retry_after="60", times=9))
        invocation = await served.begin(Work())
        await served.until_book(lambda book: book.asked and not book.seats)
        ended, seconds = await served.cancel(invocation)
    assert ended.cancelled
    assert seconds < 30  # tens of milliseconds; the wait would be a minute


async def test_an_interrupt_of_a_call_that_waits_for_its_seat_leaves_no_place_behind(
    serve: Any,
) -> None:
    async with serve(LLM_CONCURRENCY="1") as served:
        served.server.fail(Fault(kind="status", status=429, retry_after="60", times=9))
        invocation = await served.begin(Work())
        await served.until_book(lambda book: book.waiting)
        ended, seconds = await served.cancel(invocation)
        book = await served.until_book(lambda book: not book.waiting)
    assert ended.cancelled
    assert seconds < 30
    assert not book.seats


async def test_a_seat_comes_back_from_a_call_that_is_interrupted_or_refused_for_good(
    serve: Any,
) -> None:
    async with serve(delay_ms=60_000, LLM_CONCURRENCY="1") as served:
        invocation = await served.begin(Work())
        async with asyncio.timeout(90):
            while not served.server.limits.under_way:
                await asyncio.sleep(0.01)
        ended, _ = await served.cancel(invocation)
        assert ended.cancelled
        await served.until_book(lambda book: not book.seats)
        served.server.fail(Fault(kind="insufficient_quota"))
        ended = await served.work(Work())
        await served.until_book(lambda book: book.asked == 2 and not book.seats)
    assert (ended.code, ended.under_way) == ("quota", False)


async def test_half_a_letter_in_what_a_server_says_ends_no_call_silently(serve: Any) -> None:
    """A journal does not take it, and the SDK would wait for what it could not write."""
    async with serve() as served:
        served.server.fail(Fault(kind="status", status=400, message="no \ud83d here"))
        assert "no ? here" in (await served.work(Work())).problem


async def test_a_history_too_long_for_the_model_says_so_in_its_code(serve: Any) -> None:
    async with serve() as served:
        served.server.fail(Fault(kind="context_length_exceeded"))
        assert (await served.work(Work())).code == "context_overflow"


async def test_a_server_that_asks_for_more_than_twenty_minutes_ends_the_call_in_a_sentence(
    serve: Any,
) -> None:
    async with serve() as served:
        served.server.fail(Fault(kind="status", status=503, retry_after="3600"))
        ended = await served.work(Work())
    assert ended.problem == (
        "The model's server asks us to wait for 60 minutes. Write again to go on."
    )


async def test_the_journal_holds_what_was_answered_and_not_what_was_asked(serve: Any) -> None:
    async with serve() as served:
        served.server.fail(Fault(kind="status", status=503))
        await served.work(Work())
        rows = await served.engine.query(
            "select j.raw from sys_journal j join sys_invocation i on j.id = i.id "
            "where i.target_service_name = 'Caller'"
        )
    journal = b"".join(bytes.fromhex(row["raw"]) for row in rows)
    assert b'"text":"Yes."' in journal
    assert b'"trouble":{"began":' in journal
    assert b"Be brief." not in journal
