"""What every backend promises of commands and their fences."""

import asyncio

import aiohttp
import pytest
import yarl

from sandbox.errors import Fatal, Fenced, FileProblem
from sandbox.protocol import Command
from tests.integration.sandbox.driver import Box, restarted, running
from tests.polling import until


async def test_a_command_answers_with_its_output_and_exit_code(box: Box) -> None:
    state = await box.run("echo to stdout; echo to stderr >&2; exit 7")

    assert state.chunk == "to stdout\nto stderr\n"
    assert (state.exit_code, state.timed_out, state.lost) == (7, False, False)
    assert state.size_bytes == state.next_offset == len(state.chunk)


async def test_a_command_killed_by_a_signal_has_128_plus_its_number(box: Box) -> None:
    assert (await box.run("kill -SEGV $$")).exit_code == 139


async def test_a_second_start_of_a_job_attaches_to_the_first(box: Box) -> None:
    once = Command(command="echo x >> runs; sleep 0.1")
    await asyncio.gather(*(box.backend.start(box.ref, "job", once, 1) for _ in range(5)))
    await box.poll("job")
    await box.backend.start(box.ref, "job", Command(command="echo other >> runs"), 1)

    assert (await box.poll("job")).exit_code == 0
    assert await box.output("cat runs") == "x\n"


async def test_poll_returns_at_the_end_of_the_job_and_at_the_end_of_the_wait(box: Box) -> None:
    job = await box.start("echo begun; until test -e go; do sleep 0.02; done; echo ended")
    clock = asyncio.get_running_loop().time
    early = await box.poll(job, wait=0.1)
    began = clock()
    await box.backend.write(box.ref, "go", b"", 1)
    late = await box.poll(job, wait=60.0)

    assert (early.exit_code, late.exit_code) == (None, 0)
    assert late.chunk == "begun\nended\n"
    assert clock() - began < 30


async def test_output_is_read_on_from_an_offset(box: Box) -> None:
    job = await box.start("printf 'one€two'")
    await box.poll(job)

    first = await box.backend.poll(box.ref, job, 0, 0, 4)
    rest = await box.backend.poll(box.ref, job, first.next_offset, 0, 100)

    assert (first.chunk, rest.chunk) == ("one", "€two")


async def test_cancel_leaves_no_process_not_even_one_in_its_own_session(box: Box) -> None:
    job = await box.start("setsid sleep 54321.1 & sleep 54321.2")
    await until(lambda: running("54321.") >= 2)

    await box.backend.cancel(box.ref, job)

    assert running("54321.") == 0
    state = await box.poll(job)
    assert state.cancelled
    assert state.exit_code == 128 + 15


async def test_cancel_kills_a_command_that_ignores_sigterm(box: Box) -> None:
    job = await box.start("trap '' TERM; echo ready; while true; do sleep 0.01; done")
    async with asyncio.timeout(60):
        while "ready" not in (await box.poll(job, wait=0.05)).chunk:
            pass

    await box.backend.cancel(box.ref, job)

    assert (await box.poll(job)).exit_code == 128 + 9


async def test_a_cancelled_job_never_starts_later(box: Box) -> None:
    """The start may still be on its way when the cancel arrives."""
    await box.backend.cancel(box.ref, "late")
    await box.backend.start(box.ref, "late", Command(command="touch ran"), 1)

    assert (await box.poll("late")).cancelled
    assert (await box.run("test -e ran")).exit_code == 1


async def test_a_timeout_is_a_value(box: Box) -> None:
    state = await box.run("echo before; setsid sleep 54322.1 & sleep 54322.2", timeout=2)

    assert (state.exit_code, state.timed_out) == (124, True)
    assert state.chunk == "before\n"
    assert 2 <= state.seconds < 30
    assert running("54322.") == 0


async def test_binary_output_is_shown_with_replacements(box: Box) -> None:
    state = await box.run(r"printf 'a\377\000b'")

    assert state.chunk == "a�\0b"
    assert state.size_bytes == 4


async def test_a_command_longer_than_the_kernels_argument_limit_runs(box: Box) -> None:
    assert (await box.output(f"echo start; : '{'x' * 200_000}'; echo end")) == "start\nend\n"


async def test_a_start_also_tells_how_the_job_ended_and_what_it_printed(box: Box) -> None:
    command = Command(command="echo hello; exit 4")
    state = await box.backend.start(box.ref, "job", command, 1, wait_seconds=20, limit_bytes=3)

    assert (state.exit_code, state.chunk, state.next_offset, state.size_bytes) == (4, "hel", 3, 6)


async def test_ten_megabytes_of_output_keep_both_ends(box: Box) -> None:
    state = await box.run("echo first; yes | head -c 10M; echo last")
    size = state.size_bytes
    end = await box.backend.poll(box.ref, box.last_job, size - 5, 0, 100)

    assert (state.exit_code, size) == (0, 6 + (10 << 20) + 5)
    assert state.chunk.startswith("first\ny\n")
    assert end.chunk == "last\n"


async def test_a_background_server_answers_later_commands(box: Box) -> None:
    await box.start("python3 -m http.server 8124", timeout=60)
    fetch = "until curl -sf http://127.0.0.1:8124/ >page; do sleep .1; done"

    assert "Directory listing" in await box.output(f"{fetch}; cat page")


async def test_a_preview_shows_what_listens_in_the_sandbox(box: Box) -> None:
    await box.start("echo hello > index.html; python3 -m http.server 8000", timeout=60)
    preview = await box.backend.expose(box.ref, 8000)
    again = await box.backend.expose(box.ref, 8000)

    assert (preview.port, preview.url) == (8000, again.url)
    async with asyncio.timeout(60):
        while (page := await get(preview.url)) != (200, "hello\n"):
            assert page[0] in (0, 502), page
            await asyncio.sleep(0.05)


async def test_a_kept_server_outlives_a_fence_and_a_hidden_port_shows_nothing_once_it_ended(
    box: Box,
) -> None:
    await box.backend.write(box.ref, "index.html", b"hello\n", 1)
    server = Command(command="exec python3 -m http.server 8000", timeout_seconds=60, keep=True)
    await box.backend.start(box.ref, "server", server, 1)
    preview = await box.backend.expose(box.ref, 8000)
    await box.backend.raise_fence(box.ref, 2)
    async with asyncio.timeout(60):
        while (await get(preview.url)) != (200, "hello\n"):
            await asyncio.sleep(0.05)

    await box.backend.cancel(box.ref, "server")
    await box.backend.hide(box.ref, 8000)
    await box.backend.hide(box.ref, 8000)

    assert (await get(preview.url))[0] in (0, 403, 502)
    assert (await box.poll("server")).cancelled


async def test_a_port_that_was_not_opened_cannot_be_shown(box: Box) -> None:
    with pytest.raises((FileProblem, Fatal), match="SANDBOX_PREVIEW_PORTS"):
        await box.backend.expose(box.ref, 2222)


async def get(url: str) -> tuple[int, str]:
    """Status and body; 0 when nobody answers. Names below localhost are this machine."""
    address = yarl.URL(url)
    if address.host and address.host.endswith(".localhost"):
        address = address.with_host("127.0.0.1")
    headers = {"host": yarl.URL(url).authority}
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.get(address, headers=headers, ssl=False) as answer,
        ):
            return answer.status, await answer.text()
    except aiohttp.ClientConnectionError:
        return 0, ""


async def test_a_background_child_does_not_hold_the_command(box: Box) -> None:
    state = await box.run("python3 -m http.server 8123 & sleep 0.01; echo up")

    assert state.exit_code == 0
    fetch = "until curl -sf http://127.0.0.1:8123/ >page; do sleep .1; done"
    assert "Directory listing" in await box.output(f"{fetch}; cat page")


async def test_a_missing_workdir_is_told_in_the_output(box: Box) -> None:
    await box.backend.start(box.ref, "job", Command(command="true", workdir="no/such"), 1)
    state = await box.poll("job")

    assert state.exit_code == 126
    assert "/project/no/such" in state.chunk


# --- fences ---


async def test_a_fence_refuses_late_writers(box: Box) -> None:
    await box.backend.write(box.ref, "file", b"first", 1)
    await box.backend.raise_fence(box.ref, 2)

    with pytest.raises(Fenced):
        await box.backend.write(box.ref, "file", b"late", 1)
    with pytest.raises(Fenced):
        await box.backend.remove(box.ref, "file", 1)
    with pytest.raises(Fenced):
        await box.run("echo late > file", fence=1)
    with pytest.raises(Fenced):
        await box.backend.raise_fence(box.ref, 1)
    assert (await box.backend.read(box.ref, "file", 100)).text == "first"


async def test_raising_the_fence_kills_running_jobs_below_it(box: Box) -> None:
    late = await box.start("sleep 54325", fence=1)
    current = await box.start("sleep 54326", fence=2)
    await until(lambda: min(running("54325"), running("54326")) > 0)

    await box.backend.raise_fence(box.ref, 2)

    assert running("54325") == 0
    assert running("54326") > 0
    assert (await box.poll(late)).cancelled
    assert (await box.poll(current, wait=0)).exit_code is None


async def test_the_fence_outlives_a_restart(box: Box) -> None:
    await box.backend.raise_fence(box.ref, 5)
    again = await restarted(box)

    with pytest.raises(Fenced):
        await again.backend.write(again.ref, "file", b"late", 4)


async def test_raising_the_same_fence_again_is_fine(box: Box) -> None:
    await box.backend.raise_fence(box.ref, 2)
    await box.backend.raise_fence(box.ref, 2)

    assert (await box.run("true", fence=2)).exit_code == 0
