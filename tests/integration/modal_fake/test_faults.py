"""What is asked to go wrong goes wrong, and the SDK takes it as it would take it from Modal."""

import asyncio
import time

import modal
import pytest
from modal.exception import (
    AlreadyExistsError,
    ConflictError,
    InternalError,
    ResourceExhaustedError,
    ServiceError,
)

from tests.fakes.modal import Fake, running_fake
from tests.integration.modal_fake.conftest import User, new_user, run


async def test_a_failure_before_the_work_leaves_nothing_behind(user: User, fake: Fake) -> None:
    fake.fail("SandboxCreateV2", times=4, status="UNAVAILABLE")
    with pytest.raises(ServiceError):
        await user.create(name="mine")
    assert fake.calls["SandboxCreateV2"] == 4
    assert fake.running() == []
    await user.create(name="mine")


async def test_a_lost_answer_leaves_a_sandbox_that_the_sdks_own_repeat_finds(
    user: User, fake: Fake
) -> None:
    fake.fail("SandboxCreateV2", status="UNAVAILABLE", after=True)
    sandbox = await user.create(name="mine")
    assert fake.calls["SandboxCreateV2"] == 2
    assert [one.sandbox_id for one in fake.running()] == [sandbox.object_id]


async def test_a_lost_answer_that_reaches_the_caller_is_adopted_by_name(
    user: User, fake: Fake
) -> None:
    fake.fail("SandboxCreateV2", status="ABORTED", after=True)
    with pytest.raises(ConflictError):
        await user.create(name="mine")
    with pytest.raises(AlreadyExistsError):
        await user.create(name="mine")
    found = await modal.Sandbox.from_name.aio("boxes", "mine", client=user.client)
    assert await run(found, "echo here") == (0, b"here\n")


async def test_a_command_whose_start_was_answered_to_nobody_runs_once(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create()
    fake.fail("TaskExecStart", times=2, status="UNAVAILABLE", after=True)
    assert await run(sandbox, "echo once >> file; cat file") == (0, b"once\n")
    assert fake.calls["TaskExecStart"] == 3


async def test_a_throttled_call_waits_as_long_as_it_is_told(user: User, fake: Fake) -> None:
    fake.fail("SandboxCreateV2", status="RESOURCE_EXHAUSTED", retry_after=0.3)
    began = time.monotonic()
    await user.create()
    assert time.monotonic() - began > 0.3
    fake.fail("SandboxCreateV2", status="RESOURCE_EXHAUSTED")
    with pytest.raises(ResourceExhaustedError):
        await user.create()


async def test_a_hanging_call_ends_by_its_callers_deadline(user: User, fake: Fake) -> None:
    sandbox = await user.create()
    fake.hang("TaskSnapshotFilesystem", times=2)
    with pytest.raises(modal.exception.TimeoutError):
        await sandbox.snapshot_filesystem.aio(timeout=1)
    fake.hang("SandboxCreateV2")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await user.create(name="mine")
    fake.clear_faults()
    assert [one.name for one in fake.running()] == [""]


async def test_the_fake_ends_though_a_call_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_fake() as fake:
        user = await new_user(fake, monkeypatch)
        fake.hang("SandboxCreateV2", times=10)
        hanging = asyncio.create_task(user.create())
        async with asyncio.timeout(90):
            while not fake.calls["SandboxCreateV2"]:
                await asyncio.sleep(0.02)
    hanging.cancel()
    await asyncio.wait([hanging])
    await user.client.close.aio()


async def test_a_delay_only_delays(user: User, fake: Fake) -> None:
    fake.delay("SandboxCreateV2", 0.3)
    began = time.monotonic()
    await user.create()
    assert time.monotonic() - began > 0.3


async def test_an_expired_router_token_is_refreshed_in_silence(user: User, fake: Fake) -> None:
    sandbox = await user.create()
    await run(sandbox, "true")
    fake.calls.clear()
    fake.expire_router_tokens()
    assert await run(sandbox, "echo still") == (0, b"still\n")
    assert fake.calls["SandboxGetCommandRouterAccess"] == 1


async def test_an_upload_that_breaks_off_is_resumed_where_it_stopped(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create()
    data = bytes(range(256)) * 20000
    fake.fail("TaskExecStdinWriteStream", status="UNAVAILABLE")
    await sandbox.filesystem.write_bytes.aio(data, "/project/data")
    assert await sandbox.filesystem.read_bytes.aio("/project/data") == data


async def test_a_snapshot_whose_answer_was_lost_is_made_once(user: User, fake: Fake) -> None:
    sandbox = await user.create()
    fake.fail("TaskSnapshotFilesystem", status="UNAVAILABLE", after=True)
    image = await sandbox.snapshot_filesystem.aio(timeout=50)
    assert list(fake.snapshots()) == [image.object_id]


async def test_a_sandbox_that_does_not_start_is_an_error_and_keeps_no_name(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create()
    image = await sandbox.snapshot_filesystem.aio(timeout=50)
    await fake.damage_snapshot(image.object_id)
    with pytest.raises(InternalError, match="did not start"):
        await user.create(name="mine", image=user.snapshot(image.object_id))
    await user.create(name="mine")


async def test_faults_for_what_does_not_exist_are_refused(fake: Fake) -> None:
    with pytest.raises(ValueError, match="no RPC 'SandboxCreate'"):
        fake.fail("SandboxCreate")
    with pytest.raises(ValueError, match="no gRPC status"):
        fake.fail("SandboxCreateV2", status="BROKEN")
