"""How sandboxes on Modal end: at their limit, stopped, swept."""

import asyncio
import time

import pytest

from sandbox.backends.modal.backend import ModalBackend
from sandbox.errors import SandboxGone
from sandbox.protocol import SandboxRef
from tests.fakes.modal import Fake
from tests.integration.sandbox.driver import Box, running, spec
from tests.integration.sandbox.modal.workers import NAME, Workers
from tests.polling import until


async def _text(backend: ModalBackend, ref: SandboxRef, path: str) -> str:
    return (await backend.read(ref, path, 1000)).text


async def test_a_sandbox_that_ends_at_its_limit_during_a_job_is_gone(
    fake: Fake, worker: Workers
) -> None:
    backend = worker(lifetime_seconds=600)
    box = Box(backend, await backend.ensure(spec(NAME), None, []))
    assert box.ref.hard_limit == pytest.approx(time.time() + 600, abs=60)
    job = await box.start("sleep 54502")
    polling = asyncio.create_task(box.poll(job))
    await until(lambda: running("54502") > 0)

    fake.skip(601)

    with pytest.raises(SandboxGone):
        await polling
    with pytest.raises(SandboxGone):
        await box.run("true")
    with pytest.raises(SandboxGone):
        await worker().read(box.ref, "file", 10)
    assert (await backend.ensure(spec(NAME), box.ref, [])).generation == 2


async def test_one_near_its_limit_is_replaced_with_all_its_files(
    fake: Fake, worker: Workers
) -> None:
    backend = worker(lifetime_seconds=600)
    ref = await backend.ensure(spec(NAME), None, [])
    await backend.write(ref, "file", b"newest", 1)
    near = ref.model_copy(update={"hard_limit": time.time() + 30})

    again = await backend.ensure(spec(NAME), near, [])

    assert (again.generation, again.empty) == (2, False)
    assert await _text(backend, again, "file") == "newest"
    assert [sandbox.sandbox_id for sandbox in fake.running()] == [again.sandbox_id]


async def test_renewing_keeps_it_from_being_idle_but_not_past_its_limit(
    fake: Fake, worker: Workers
) -> None:
    backend = worker(lifetime_seconds=4 * 3600, idle_seconds=60)
    ref = await backend.ensure(spec(NAME), None, [])
    for _ in range(2):
        fake.skip(3700)
        renewed = await backend.renew(ref, 3600)

    assert len(fake.running()) == 1
    assert ref.hard_limit is not None
    assert time.time() + 3600 <= renewed.expires_at <= ref.hard_limit


async def test_stop_and_destroy_may_be_repeated_and_leave_nothing(fake: Fake, box: Box) -> None:
    snapshot = await box.backend.snapshot(box.ref)
    await box.start("setsid sleep 54503")

    await box.backend.stop(box.ref)
    await box.backend.stop(box.ref)
    newer = await box.backend.ensure(spec(NAME), box.ref, [snapshot])
    await box.backend.stop(box.ref)
    assert [sandbox.sandbox_id for sandbox in fake.running()] == [newer.sandbox_id]
    for _ in range(2):
        await box.backend.destroy(NAME, box.ref, [snapshot])

    assert fake.running() == []
    assert fake.snapshots() == {}
    assert running("54503") == 0


async def test_a_sweep_finds_ours_with_their_sessions_and_ends_them(
    fake: Fake, box: Box, worker: Workers
) -> None:
    await worker(owner="somebody").ensure(spec("tw-theirs"), None, [])

    found = await worker().running()

    assert [(each.name, each.session) for each in found] == [(NAME, spec(NAME).session)]
    assert found[0].generation == 1
    assert found[0].created_at == pytest.approx(time.time(), abs=30)
    await box.backend.end(found[0])
    await box.backend.end(found[0])
    assert await box.backend.running() == []
    assert len(fake.running()) == 1
