"""What comes back from a snapshot of Modal's, and from which."""

import time

import pytest

from sandbox.backends.modal.backend import ModalBackend
from sandbox.errors import Retryable
from sandbox.protocol import Command, SnapshotRef
from tests.fakes.modal import Fake
from tests.integration.sandbox.driver import Box, running, spec
from tests.integration.sandbox.modal.workers import NAME
from tests.polling import until


async def test_files_come_back_from_a_snapshot_with_the_fence_and_ended_jobs(
    fake: Fake, box: Box
) -> None:
    await box.backend.write(box.ref, "kept.txt", b"here", 5)
    await box.backend.raise_fence(box.ref, 5)
    job = await box.start("echo once >> runs; exit 3", fence=5)
    await box.poll(job)
    snapshot = await box.backend.snapshot(box.ref)
    await box.backend.destroy(NAME, box.ref, [])

    again = await box.backend.ensure(spec(NAME), box.ref, [snapshot])

    assert (again.generation, again.restored_from) == (2, snapshot.snapshot_id)
    assert not again.empty
    restored = Box(box.backend, again)
    assert (await box.backend.read(again, "kept.txt", 100)).text == "here"
    assert (await restored.poll(job)).exit_code == 3
    await box.backend.start(again, job, Command(command="echo twice >> runs"), 5)
    assert (await box.backend.read(again, "runs", 100)).text == "once\n"


async def test_a_job_that_ran_while_the_snapshot_was_taken_is_lost_and_not_run_again(
    fake: Fake, box: Box
) -> None:
    job = await box.start("echo x >> runs; sleep 54501")
    await until(lambda: running("sleep\x0054501") > 0)
    snapshot = await box.backend.snapshot(box.ref)
    await fake.terminate(box.ref.sandbox_id)
    again = Box(box.backend, await box.backend.ensure(spec(NAME), box.ref, [snapshot]))

    state = await box.backend.start(again.ref, job, Command(command="echo x >> runs"), 1)

    assert (state.lost, state.exit_code) == (True, None)
    assert await again.output("cat runs") == "x\n"


async def test_an_expired_snapshot_falls_back_to_the_one_before_and_then_to_none(
    fake: Fake, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)
    await box.backend.forget(NAME, [newer, newer])
    await box.backend.stop(box.ref)

    second = await box.backend.ensure(spec(NAME), box.ref, [newer, older])
    assert second.restored_from == older.snapshot_id
    assert (await box.backend.read(second, "file", 100)).text == "older"

    await box.backend.forget(NAME, [older])
    await box.backend.stop(second)
    third = await box.backend.ensure(spec(NAME), second, [newer, older])
    assert (third.restored_from, third.empty, third.generation) == (None, True, 3)


async def test_a_create_that_failed_otherwise_never_costs_the_newest_snapshot(
    fake: Fake, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)
    await box.backend.stop(box.ref)

    for status in ("ABORTED", "NOT_FOUND", "RESOURCE_EXHAUSTED"):
        fake.fail("SandboxCreateV2", status=status)
        with pytest.raises(Retryable):
            await box.backend.ensure(spec(NAME), box.ref, [newer, older])
    again = await box.backend.ensure(spec(NAME), box.ref, [newer, older])

    assert again.restored_from == newer.snapshot_id


async def test_a_damaged_snapshot_gives_way_to_the_one_before_after_some_attempts(
    fake: Fake, box: Box
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)
    await box.backend.stop(box.ref)
    await fake.damage_snapshot(newer.snapshot_id)

    for _ in range(2):
        with pytest.raises(Retryable):
            await box.backend.ensure(spec(NAME), box.ref, [newer, older])
    again = await box.backend.ensure(spec(NAME), box.ref, [newer, older])

    assert again.restored_from == older.snapshot_id


async def test_snapshots_are_kept_for_ninety_days_and_say_so(fake: Fake, box: Box) -> None:
    snapshot = await box.backend.snapshot(box.ref)

    assert snapshot.expires_at is not None
    assert abs(snapshot.expires_at - snapshot.created_at - 90 * 86400) < 5
    kept_until = fake.snapshots()[snapshot.snapshot_id]
    assert kept_until is not None
    assert abs(kept_until - snapshot.expires_at) < 60


async def test_a_snapshot_of_another_backend_is_passed_over(backend: ModalBackend) -> None:
    foreign = SnapshotRef(snapshot_id="0123abcd.zst", created_at=time.time())

    assert (await backend.ensure(spec(NAME), None, [foreign])).empty
