"""What a long thread costs: the same messages and tasks at its beginning and at its end.

The real session over the real engine; the model answers at once, tasks need no sandbox.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent import model, settings
from agent import protocol as p
from agent.app import SERVICES
from local.model import Reply, ScriptedModel, running_model, say
from tests.fakes.reader import RecordedReader
from tests.fakes.restate import Engine, running_engine
from tests.fakes.thread import RecordedThreads
from tests.fakes.upload import recorded_uploads

ANA = p.Person(user_id="U0ANA", name="Ana")
THREAD = p.ThreadRef(team="T", channel="C", root_ts="1000.000000")
TASKS, MESSAGES_PER_TASK = 100, 5
WORDS = "Please change the parser so that it takes commas, and tell me what you did. " * 3
SUMMARY = "Goal: a parser that takes commas.\n" + "Decided: as people asked. " * 30


@dataclass
class Costs:
    message_ms: list[float] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)
    prompt_bytes: list[int] = field(default_factory=list)
    """Of each task's last planning call."""
    state_bytes: dict[str, int] = field(default_factory=dict)
    journal_bytes: list[int] = field(default_factory=list)
    """Of the handlers that took a message, in order of arrival."""
    summaries: int = 0


async def measure() -> dict[str, float]:
    costs = await long_thread(TASKS)
    tenth = TASKS * MESSAGES_PER_TASK // 10
    early, late = costs.message_ms[5 : 5 + tenth], costs.message_ms[-tenth:]
    return {
        "memory_message_ms_at_10": statistics.median(early),
        "memory_message_ms_at_500": statistics.median(late),
        "memory_message_growth": statistics.median(late) / statistics.median(early),
        "memory_read_ms_at_500": statistics.median(costs.read_ms[-10:]),
        "memory_prompt_kb_task_10": costs.prompt_bytes[9] / 1000,
        "memory_prompt_kb_task_100": costs.prompt_bytes[-1] / 1000,
        "memory_state_kb": sum(costs.state_bytes.values()) / 1000,
        "memory_largest_value_kb": max(costs.state_bytes.values()) / 1000,
        "memory_session_value_kb": costs.state_bytes["session"] / 1000,
        "memory_journal_kb_on_message_10": statistics.median(costs.journal_bytes[5:15]) / 1000,
        "memory_journal_kb_on_message_500": statistics.median(costs.journal_bytes[-10:]) / 1000,
        "memory_summaries": costs.summaries,
    }


async def long_thread(tasks: int, messages_per_task: int = MESSAGES_PER_TASK) -> Costs:
    """One thread with so many tasks."""
    costs = Costs()
    async with _agent() as (engine, scripted):
        for task in range(tasks):
            for number in range(messages_per_task):
                count = task * messages_per_task + number
                costs.message_ms.append(await _deliver(engine, count))
            costs.read_ms.append(await _idle(engine))
            costs.prompt_bytes.append(_last_prompt(scripted))
        costs.state_bytes = await _state(engine)
        costs.journal_bytes = await _journals(engine)
        costs.summaries = sum(_is_memory(seen.body) for seen in scripted.requests)
    return costs


def script(request: dict[str, Any]) -> Reply:
    if _is_memory(request):
        return say(SUMMARY)
    answer = "It takes commas now. " * 20
    plan = {"goal": "g", "assumptions": [], "answer": answer, "steps": []}
    return say(json.dumps({**plan, "question": "", "options": []}))


def _is_memory(request: dict[str, Any]) -> bool:
    return "role: memory" in request["instructions"]


@asynccontextmanager
async def _agent() -> AsyncIterator[tuple[Engine, ScriptedModel]]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            running_model(port=0, scenarios=[script]) as scripted,
            running_engine(Path(folder, "restate")) as engine,
            recorded_uploads() as uploads,
        ):
            before = dict(os.environ)
            os.environ |= {
                "OPENAI_API_KEY": "scripted",
                "OPENAI_BASE_URL": scripted.base_url,
                "LLM_API": "responses",
                "THREADWRIGHT_SETTLE_SECONDS": "0.05",
            }
            _forget()
            people = [*RecordedThreads().services, *RecordedReader().services, *uploads.services]
            try:
                async with engine.serve([*SERVICES, *people]):
                    yield engine, scripted
            finally:
                await model.current_llm().aclose()
                os.environ.clear()
                os.environ |= before
                _forget()


def _forget() -> None:
    settings.current.cache_clear()
    model.current_llm.cache_clear()


async def _deliver(engine: Engine, number: int) -> float:
    """Milliseconds until the session has taken the message."""
    ts = f"{1000 + number}.000000"
    text = f"{WORDS}({number})"
    message = p.UserMessage(
        thread=THREAD, ts=ts, author=ANA, text=text, client_msg_id=f"00000000-{number:027}"
    )
    begin = time.perf_counter()
    await engine.client.call(p.ON_MESSAGE, THREAD.key, message)
    return (time.perf_counter() - begin) * 1000


async def _idle(engine: Engine) -> float:
    """Until everything is read; milliseconds of one look at the session."""
    async with asyncio.timeout(60):
        while True:
            begin = time.perf_counter()
            view = await engine.client.read(THREAD)
            took = (time.perf_counter() - begin) * 1000
            if view.task is None and not view.unread:
                return took
            await asyncio.sleep(0.02)


def _last_prompt(scripted: ScriptedModel) -> int:
    planner = next(s for s in reversed(scripted.requests) if not _is_memory(s.body))
    return len(json.dumps(planner.body["input"]))


async def _state(engine: Engine) -> dict[str, int]:
    rows = await engine.query(
        "select key, length(value_utf8) as size from state where service_name = 'Session'"
    )
    return {row["key"]: row["size"] for row in rows}


async def _journals(engine: Engine) -> list[int]:
    rows = await engine.query(
        "select i.id, min(i.created_at) as at, sum(j.raw_length) as size from sys_invocation i "
        "join sys_journal j on i.id = j.id where i.target_handler_name = 'on_message' "
        "group by i.id order by at"
    )
    return [row["size"] for row in rows]


if __name__ == "__main__":
    for name, value in asyncio.run(measure()).items():
        print(f"{name:36} {value:>10.2f}")
