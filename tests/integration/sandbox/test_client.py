"""The client as agents use it: journaled effects on a real engine, with real sandboxes."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from sandbox.backend import current_backend
from sandbox.clipping import SHOWN_BYTES
from sandbox.settings import Settings
from tests.fakes.restate import Engine
from tests.integration.sandbox.driver import running
from tests.integration.sandbox.durable import Cloud, Work, running_cloud
from tests.polling import until


@pytest.fixture(params=[False, True], ids=["live", "replay always"])
async def cloud(
    request: pytest.FixtureRequest,
    engine: Engine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Cloud]:
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(settings.state_dir))
    async with running_cloud(engine, replay_always=request.param) as cloud:
        yield cloud


@pytest.fixture
def session(name: str) -> str:
    return f"T0:C0:{name}"


async def test_writes_commands_and_reads_happen_once_and_in_order(
    cloud: Cloud, session: str
) -> None:
    done = await cloud.work(
        Work(
            session=session,
            write={"a.txt": "a\n"},
            commands=["echo b >> a.txt; cat a.txt", "exit 3"],
            read=["a.txt"],
        )
    )

    assert done.error == ""
    assert [(r.exit_code, r.output) for r in done.results] == [(0, "a\nb\n"), (3, "")]
    assert done.texts == ["a\nb\n"]


async def test_a_command_longer_than_one_effect_is_polled_on(cloud: Cloud, session: str) -> None:
    command = "echo x >> runs; sleep 1; cat runs"
    done = await cloud.work(Work(session=session, commands=[command], poll_seconds=0.2))

    assert [(r.exit_code, r.output) for r in done.results] == [(0, "x\n")]
    assert done.results[0].seconds >= 1


async def test_long_output_is_clipped_to_its_ends(cloud: Cloud, session: str) -> None:
    done = await cloud.work(Work(session=session, commands=["echo first; seq 200000; echo last"]))

    (result,) = done.results
    assert result.output.startswith("first\n1\n2\n")
    assert result.output.endswith("200000\nlast\n")
    assert result.log_path in result.output
    assert f"{result.output_bytes - SHOWN_BYTES} bytes left out" in result.output
    assert len(result.output) < SHOWN_BYTES + 200


async def test_a_timeout_is_a_result(cloud: Cloud, session: str) -> None:
    done = await cloud.work(Work(session=session, commands=["sleep 60"], timeout_seconds=1))

    assert (done.results[0].exit_code, done.results[0].timed_out) == (124, True)


async def test_a_domain_error_comes_out_of_the_journal_as_itself(
    cloud: Cloud, session: str
) -> None:
    done = await cloud.work(Work(session=session, read=["missing.txt"]))
    assert done.error == "FileProblem: missing.txt does not exist."

    done = await cloud.work(Work(session=session, fence=9, commands=["true"]))
    assert done.error == ""
    done = await cloud.work(Work(session=session, fence=8, commands=["true"]))
    assert done.error.startswith("Fenced: Newer work")


async def test_a_cancel_kills_the_command_at_once(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    """Not with replay always: a suspended step hears of a cancel only when it ends."""
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(settings.state_dir))
    async with running_cloud(engine) as cloud:
        await _cancel_while_running(cloud, session)


async def _cancel_while_running(cloud: Cloud, session: str) -> None:
    command = "echo x >> runs; (setsid sleep 54601 &); sleep 54602"
    invocation = await cloud.begin(Work(session=session, commands=[command]))
    await until(lambda: min(running("sleep\x0054601"), running("sleep\x0054602")) > 0)

    began = time.monotonic()
    await cloud.cancel(invocation)
    await until(lambda: running("54601") + running("54602") == 0)
    print(f"cancel to dead: {(time.monotonic() - began) * 1000:.0f} ms")

    assert (await cloud.end_of(invocation)).error == "cancelled"
    again = await cloud.work(Work(session=session, commands=["cat runs"]))
    assert again.results[0].output == "x\n"


async def test_another_cancel_does_not_end_the_work_before_its_command(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(settings.state_dir))
    async with running_cloud(engine) as cloud:
        command = "trap 'exec sleep 54605' TERM; echo begun; sleep 54604 & wait"
        others = 0
        for _ in range(10):  # a slow machine may be late with them
            invocation = await cloud.begin(Work(session=session, commands=[command]))
            await until(lambda: running("sleep\x0054604") > 0)
            await cloud.cancel(invocation)
            while await cloud.is_in_time_to_cancel(invocation):
                others += 1
                await asyncio.sleep(0.01)

            assert (await cloud.end_of(invocation)).error == "cancelled"
            assert running("sleep\x0054604") + running("sleep\x0054605") == 0
            if others:
                break
        assert others > 0


async def test_a_stopped_sandbox_is_told_as_gone_and_the_job_as_lost(
    cloud: Cloud, session: str
) -> None:
    invocation = await cloud.begin(
        Work(session=session, commands=["echo begun; sleep 54603"], poll_seconds=0.2)
    )
    await until(lambda: running("sleep\x0054603") > 0)
    lease = await cloud.acquire(session)

    await current_backend().stop(lease.ref)

    assert (await cloud.end_of(invocation)).error.startswith("SandboxGone: ")


async def test_racing_workers_of_one_command_run_it_once(cloud: Cloud, session: str) -> None:
    command = "echo x >> runs; sleep 0.3; cat runs"
    await asyncio.gather(
        *(cloud.work(Work(session=f"{session}-{n}", commands=[command])) for n in range(3))
    )
    done = await cloud.work(Work(session=f"{session}-0", commands=["cat runs"]))

    assert done.results[0].output == "x\n"
