"""Whatever fails while a sandbox is made on Modal, a session has one, its own."""

import asyncio

import pytest

from sandbox.backends.modal.backend import ModalBackend
from sandbox.errors import Fatal, Retryable
from tests.fakes.modal import Fake
from tests.integration.sandbox.driver import Box, spec
from tests.integration.sandbox.modal.workers import NAME, Workers


async def test_a_lost_answer_of_create_is_adopted_by_the_next_attempt(
    fake: Fake, backend: ModalBackend
) -> None:
    fake.fail("SandboxCreateV2", status="ABORTED", after=True)
    with pytest.raises(Retryable):
        await backend.ensure(spec(NAME), None, [])

    ref = await backend.ensure(spec(NAME), None, [])

    assert [sandbox.sandbox_id for sandbox in fake.running()] == [ref.sandbox_id]
    assert (ref.generation, ref.empty, ref.restored_from) == (1, True, None)


async def test_four_workers_racing_get_one_sandbox_and_agree_on_all_of_it(
    fake: Fake, worker: Workers
) -> None:
    workers = [worker() for _ in range(4)]
    refs = await asyncio.gather(*(each.ensure(spec(NAME), None, []) for each in workers))

    assert len(fake.running()) == 1
    without_use = {ref.model_copy(update={"expires_at": 0.0}) for ref in refs}
    assert len(without_use) == 1


async def test_a_known_sandbox_that_runs_is_kept(fake: Fake, box: Box, worker: Workers) -> None:
    kept = await worker().ensure(spec(NAME), box.ref, [])

    assert kept.sandbox_id == box.ref.sandbox_id
    assert len(fake.running()) == 1


async def test_one_that_cannot_be_reached_is_never_replaced(
    fake: Fake, box: Box, worker: Workers
) -> None:
    other = worker()
    fake.fail("SandboxWaitV2", status="RESOURCE_EXHAUSTED", times=2)
    with pytest.raises(Retryable):
        await other.ensure(spec(NAME), box.ref, [])
    with pytest.raises(Retryable):
        await other.poll(box.ref, "job", 0, 0, 100)

    assert len(fake.running()) == 1
    assert (await other.ensure(spec(NAME), box.ref, [])).sandbox_id == box.ref.sandbox_id


async def test_a_name_of_another_deployment_is_refused_with_a_way_out(
    fake: Fake, box: Box, worker: Workers
) -> None:
    with pytest.raises(Fatal, match="MODAL_APP"):
        await worker(owner="somebody").ensure(spec(NAME), None, [])
