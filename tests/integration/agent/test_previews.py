"""Previews: a link that opens what runs in the sandbox, until its time, and what ends it before."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent import protocol as p
from sandbox.backend import current_backend
from tests.integration.agent.workbench import Call, Workbench, running_workbench
from tests.integration.backend_contract.test_commands import get
from tests.integration.sandbox.driver import running

PAGE: Call = ("write_file", {"path": "index.html", "content": "hello\n"})
SERVER = "exec python3 -m http.server 8000 -d ."
RUNNING = "http.server\x008000\x00-d"


@pytest.fixture
async def bench(
    tmp_path: Path, sandboxes: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Workbench]:
    async with running_workbench(tmp_path, sandboxes, monkeypatch) as opened:
        yield opened


def preview(command: str | None = SERVER, port: int = 8000, title: str | None = "the page") -> Call:
    return "open_preview", {"port": port, "command": command, "title": title}


async def note(bench: Workbench, words: str, slot: str = "note:preview:task:8000") -> str:
    """The newest note of the preview, once it holds `words`."""

    def holds(body: p.NoteBody) -> bool:
        return words in body.text and any(
            event.slot == slot and event.body == body for event in bench.threads.events
        )

    return (await bench.threads.until(p.NoteBody, holds)).text


async def test_a_preview_opens_outlives_its_step_and_task_and_ends_at_its_time(
    bench: Workbench,
) -> None:
    _, opened = await bench.do([PAGE], preview())
    url = opened[0]["url"]

    assert await get(url) == (200, "hello\n")
    assert url in await note(bench, "Preview of [the page](")
    await bench.one("shell", {"command": "true"}, task="later task", fence=9)
    assert await get(url) == (200, "hello\n")

    brief = preview("exec python3 -m http.server 5000 -d .", 5000)[1]
    ending = await bench.one("open_preview", brief, task="last", fence=10, preview_minutes=0.04)
    await note(bench, "The preview of the page has expired.", "note:preview:last:5000")
    assert (await get(ending["url"]))[0] == 403
    assert running("http.server\x005000\x00-d") == 0
    assert await get(url) == (200, "hello\n")


async def test_a_port_shown_anew_ends_what_was_shown_before(bench: Workbench) -> None:
    first = (await bench.do([PAGE], preview(), task="first"))[1][0]
    second = await bench.one("open_preview", preview()[1], task="second", fence=2)

    assert first["url"] != second["url"]
    assert await get(second["url"]) == (200, "hello\n")
    assert (await get(first["url"]))[0] == 403
    await note(bench, "was opened anew", "note:preview:first:8000")
    assert running(RUNNING) == 1


async def test_a_preview_whose_server_or_sandbox_stopped_says_so(bench: Workbench) -> None:
    _, opened = await bench.do([PAGE], preview(), preview_minutes=0.3)
    await bench.one("shell", {"command": "pkill -f 'http.server 8000'"}, task="later")
    await note(bench, "has ended: its server or its sandbox was stopped")
    assert (await get(opened[0]["url"]))[0] == 403

    again = await bench.one("open_preview", preview()[1], task="again", preview_minutes=0.3)
    for found in await current_backend().running():
        await current_backend().end(found)
    await note(bench, "has ended: its server", "note:preview:again:8000")
    assert (await get(again["url"]))[0] == 0


async def test_an_open_preview_keeps_the_sandbox_and_a_closed_one_does_not(
    tmp_path: Path, sandboxes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_IDLE_SECONDS", "1")
    async with running_workbench(tmp_path, sandboxes, monkeypatch) as bench:
        _, opened = await bench.do([PAGE], preview(), preview_minutes=0.1)
        await bench.on_sandbox("release", {"owner": "task"})
        released = shown = time.monotonic()
        async with asyncio.timeout(90):
            while not _expired(bench):
                if await get(opened[0]["url"]) == (200, "hello\n"):
                    shown = time.monotonic()
                await asyncio.sleep(0.1)
        assert shown - released > 1.5  # longer than an idle sandbox is kept
        async with asyncio.timeout(90):
            while await current_backend().running():
                await asyncio.sleep(0.1)


def _expired(bench: Workbench) -> bool:
    return any("has expired" in body.text for body in bench.threads.bodies(p.NoteBody))


async def test_what_cannot_be_shown_is_told_to_the_model_and_leaves_nothing(
    bench: Workbench,
) -> None:
    ((*refused,),) = await bench.do(
        [
            preview(port=22),
            preview(port=9999),
            preview("echo no such thing >&2; exit 3"),
            preview("git push --force origin main"),
            ("shell", {"command": "python3 -m http.server 5000", "background": True}),
            preview(None, port=5000),
            preview("sleep 1", port=5000),
        ]
    )

    details: list[dict[str, Any]] = refused
    assert "from 1024 to 65535" in details[0]["detail"]
    assert "SANDBOX_PREVIEW_PORTS" in details[1]["detail"]
    assert "ended with exit code 3" in details[2]["detail"]
    assert details[2]["hint"] == "It printed: no such thing\n"
    assert details[3]["error"] == "forbidden"
    assert details[5]["ok"]
    assert details[6]["error"] == "port_in_use"
