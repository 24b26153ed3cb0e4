"""What every backend promises of starts, losses, snapshots and ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.contract import Backend
from sandbox.errors import SandboxGone
from sandbox.protocol import Command
from tests.integration.backend_contract.providers import Provider
from tests.integration.sandbox.driver import Box, restarted, running, spec
from tests.polling import until

ROOT = Path(__file__).parents[3]
WORKER = """
import asyncio, sys
from sandbox.backend import current_backend
from sandbox.protocol import Command, SandboxSpec

async def main():
    backend = current_backend()
    spec = SandboxSpec(name=sys.argv[1], session="T0:C0:" + sys.argv[1])
    ref = await backend.ensure(spec, None, [])
    await backend.start(ref, "job", Command(command=sys.argv[2]), 1)
    print(ref.model_dump_json(), flush=True)
    await backend.poll(ref, "job", 0, 60, 1000)

asyncio.run(main())
"""


# --- one sandbox ----------------------------------------------------------------------------------


async def test_four_racing_workers_make_one_sandbox(provider: Provider, name: str) -> None:
    workers = [provider.worker() for _ in range(4)]
    refs = await asyncio.gather(*(worker.ensure(spec(name), None, []) for worker in workers))

    assert {(ref.sandbox_id, ref.generation) for ref in refs} == {(refs[0].sandbox_id, 1)}


async def test_a_sandbox_whose_start_was_never_answered_is_adopted(
    provider: Provider, name: str
) -> None:
    before = await provider.running()
    await provider.ensure_without_answer(spec(name))
    assert await provider.running() == before + 1

    ref = await provider.backend.ensure(spec(name), None, [])

    assert (ref.generation, ref.empty) == (1, True)
    assert await provider.running() == before + 1


async def test_a_running_sandbox_is_kept(box: Box) -> None:
    again = await box.backend.ensure(spec(box.ref.name), box.ref, [])

    assert (again.sandbox_id, again.generation) == (box.ref.sandbox_id, box.ref.generation)


async def test_what_runs_is_found_with_its_session_until_it_is_ended(
    provider: Provider, box: Box
) -> None:
    (found,) = [f for f in await box.backend.running() if f.name == box.ref.name]

    assert (found.session, found.generation) == (spec(box.ref.name).session, box.ref.generation)
    assert found.sandbox_id == box.ref.sandbox_id
    assert abs(found.created_at - time.time()) < 60
    await provider.worker().end(found)
    await box.backend.end(found)
    assert box.ref.name not in [f.name for f in await box.backend.running()]
    with pytest.raises(SandboxGone):
        await box.run("true")


async def test_ending_an_orphan_leaves_a_newer_start_alone(box: Box) -> None:
    (found,) = [f for f in await box.backend.running() if f.name == box.ref.name]
    newer = await restarted(box)

    await box.backend.end(found)

    assert await newer.output("echo alive") == "alive\n"


# --- workers come and go --------------------------------------------------------------------------


async def test_a_job_outlives_its_worker_and_another_worker_sees_its_end(
    provider: Provider, name: str
) -> None:
    command = "echo x >> runs; echo begun; sleep 1; echo ended"
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, name, command),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **provider.environ},
        start_new_session=True,
    )
    assert worker.stdout is not None
    told = (await worker.stdout.readline()).decode()
    os.killpg(worker.pid, signal.SIGKILL)
    await worker.wait()

    again = Box(provider.backend, await provider.backend.ensure(spec(name), None, []))
    await again.backend.start(again.ref, "job", Command(command=command), 1)
    state = await again.poll("job")

    assert again.ref.sandbox_id in told
    assert (state.exit_code, state.chunk) == (0, "begun\nended\n")
    assert await again.output("cat runs") == "x\n"


# --- lost and gone --------------------------------------------------------------------------------


async def test_a_job_of_an_earlier_start_is_lost_and_never_run_again(box: Box) -> None:
    job = await box.start("echo x >> runs; sleep 54323")
    await until(lambda: running("sleep\x0054323") > 0)
    again = await restarted(box)

    state = await again.backend.start(again.ref, job, Command(command="echo x >> runs"), 1)

    assert (state.lost, state.exit_code) == (True, None)
    assert (await again.poll(job)).lost
    assert await again.output("cat runs") == "x\n"


async def test_an_ended_job_keeps_its_result_over_a_restart(box: Box) -> None:
    job = await box.start("echo done; exit 3")
    await box.poll(job)
    again = await restarted(box)

    state = await again.poll(job)

    assert (state.exit_code, state.chunk, state.lost) == (3, "done\n", False)


async def test_a_job_nobody_started_is_lost(box: Box) -> None:
    assert (await box.poll("never", wait=0)).lost


async def test_handles_of_an_earlier_start_are_dead(box: Box) -> None:
    await box.backend.stop(box.ref)
    with pytest.raises(SandboxGone):
        await box.run("true")
    newer = await box.backend.ensure(spec(box.ref.name), box.ref, [])

    assert newer.generation == box.ref.generation + 1
    with pytest.raises(SandboxGone):
        await box.run("true")
    with pytest.raises(SandboxGone):
        await box.backend.renew(box.ref, 60)


async def test_stopping_an_earlier_start_leaves_the_newer_one_alone(box: Box) -> None:
    newer = await restarted(box)

    await box.backend.stop(box.ref)

    assert await newer.output("echo alive") == "alive\n"


async def test_a_sandbox_that_dies_in_the_middle_of_a_job_is_gone_not_unreachable(
    provider: Provider, box: Box
) -> None:
    job = await box.start("echo begun; sleep 54328")
    await until(lambda: running("sleep\x0054328") > 0)
    waiting = asyncio.create_task(box.poll(job))

    await provider.lose(box.ref)

    with pytest.raises(SandboxGone):
        await waiting
    assert running("54328") == 0
    with pytest.raises(SandboxGone):
        await box.backend.read(box.ref, "file", 10)
    with pytest.raises(SandboxGone):
        await box.backend.snapshot(box.ref)


# --- snapshots ------------------------------------------------------------------------------------


async def test_a_snapshot_brings_back_files_modes_links_and_the_home_folder(
    provider: Provider, box: Box
) -> None:
    await box.output(
        "mkdir -p src/empty; echo 'echo hi' > src/run.sh; chmod 750 src/run.sh;"
        " ln -s src/run.sh link;"
        " mkdir -p ~/.local/bin; echo 'echo tool' > ~/.local/bin/tool; chmod +x ~/.local/bin/tool;"
        " truncate -s 50M ~/sparse"
    )
    snapshot = await box.backend.snapshot(box.ref)
    await provider.lose(box.ref)

    ref = await provider.worker().ensure(spec(box.ref.name), box.ref, [snapshot])

    again = Box(box.backend, ref)
    assert (ref.restored_from, ref.empty) == (snapshot.snapshot_id, False)
    assert ref.generation == box.ref.generation + 1
    assert await again.output("./link; tool; stat -c %a src/run.sh; stat -c %s ~/sparse") == (
        f"hi\ntool\n750\n{50 << 20}\n"
    )


async def test_a_snapshot_is_taken_while_a_command_runs_and_later_says_that_it_was_lost(
    provider: Provider, box: Box
) -> None:
    job = await box.start("echo half > file; sleep 54329")
    await until(lambda: running("sleep\x0054329") > 0)
    snapshot = await box.backend.snapshot(box.ref)
    assert (await box.poll(job, wait=0)).exit_code is None
    await provider.lose(box.ref)

    again = Box(box.backend, await box.backend.ensure(spec(box.ref.name), box.ref, [snapshot]))

    assert await again.output("cat file") == "half\n"
    assert (await again.poll(job)).lost


async def test_an_expired_snapshot_falls_back_to_the_one_before(
    provider: Provider, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)
    await provider.lose(box.ref)
    await provider.expire(box.ref, newer)

    ref = await box.backend.ensure(spec(box.ref.name), box.ref, [newer, older])

    assert (ref.restored_from, ref.empty) == (older.snapshot_id, False)
    assert (await box.backend.read(ref, "file", 100)).text == "older"


async def test_without_any_usable_snapshot_it_starts_empty_and_says_so(
    provider: Provider, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"x", 1)
    snapshot = await box.backend.snapshot(box.ref)
    await provider.lose(box.ref)
    await provider.expire(box.ref, snapshot)

    ref = await box.backend.ensure(spec(box.ref.name), box.ref, [snapshot])

    assert (ref.empty, ref.restored_from) == (True, None)
    assert (await box.backend.list_files(ref, ".", 10)).files == []


async def test_a_forgotten_snapshot_is_gone_and_the_others_are_not(
    provider: Provider, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)

    await box.backend.forget(box.ref.name, [newer])
    await box.backend.forget(box.ref.name, [newer])

    await provider.lose(box.ref)
    ref = await box.backend.ensure(spec(box.ref.name), box.ref, [newer, older])
    assert ref.restored_from == older.snapshot_id


# --- limits of time -------------------------------------------------------------------------------


async def test_a_sandbox_ends_at_its_hard_limit_in_the_middle_of_a_job_and_comes_back(
    provider: Provider, name: str
) -> None:
    """What it comes back with is made in a longer life, and only the job in the short one."""
    backend, worker = provider.backend, provider.worker(lifetime_seconds=3)
    long = Box(backend, await backend.ensure(spec(name), None, []))
    await backend.write(long.ref, "file", b"kept", 1)
    snapshot = await backend.snapshot(long.ref)
    await backend.stop(long.ref)
    asked_at = time.time()
    box = Box(worker, await worker.ensure(spec(name), long.ref, [snapshot]))
    assert box.ref.hard_limit is not None
    assert asked_at + 2 < box.ref.hard_limit < time.time() + 4
    job = await box.start("sleep 54330")
    await worker.renew(box.ref, 3600)

    with pytest.raises(SandboxGone):
        await box.poll(job)

    assert time.time() > box.ref.hard_limit - 1
    await until(lambda: running("54330") == 0)
    again = Box(backend, await backend.ensure(spec(name), box.ref, [snapshot]))
    assert again.ref.generation == box.ref.generation + 1
    assert await again.output("cat file") == "kept"
    assert (await again.poll(job, wait=0)).lost


async def test_destroy_deletes_files_and_snapshots_and_may_be_repeated(box: Box) -> None:
    await box.output(
        "mkdir closed; touch closed/x; chmod 000 closed;"
        " python3 -c \"import os\nfor _ in range(1500): os.mkdir('d'); os.chdir('d')\""
    )
    snapshot = await box.backend.snapshot(box.ref)
    await box.start("sleep 54327")
    await until(lambda: running("54327") > 0)

    await box.backend.destroy(box.ref.name, box.ref, [snapshot])
    await box.backend.destroy(box.ref.name, box.ref, [snapshot])

    assert running("54327") == 0
    anew = await box.backend.ensure(spec(box.ref.name), box.ref, [snapshot])
    assert anew.empty
    assert (await box.backend.list_files(anew, ".", 10)).files == []
    assert anew.generation > box.ref.generation


async def test_a_sandbox_that_never_was_is_destroyed_without_complaint(
    backend: Backend, name: str
) -> None:
    await backend.destroy(name, None, [])
