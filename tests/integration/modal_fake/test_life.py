"""Names, ends, dead ids, tags and lists of sandboxes, as the fake enforces them."""

import asyncio
import time

import modal
import pytest
from modal.exception import (
    AlreadyExistsError,
    ConflictError,
    NotFoundError,
    SandboxTerminatedError,
    SandboxTimeoutError,
)

from tests.fakes.modal import Fake
from tests.integration.modal_fake.conftest import User, new_user, run


async def ended(fake: Fake) -> None:
    deadline = time.monotonic() + 60
    while fake.running() or fake.processes():
        assert time.monotonic() < deadline, fake.processes()
        await asyncio.sleep(0.02)


async def test_four_creations_race_for_a_name_and_one_gets_it(user: User, fake: Fake) -> None:
    made = await asyncio.gather(
        *(user.create(name="mine") for _ in range(4)), return_exceptions=True
    )
    sandboxes = [one for one in made if isinstance(one, modal.Sandbox)]
    assert len(sandboxes) == 1
    assert [type(one) for one in made if one not in sandboxes] == [AlreadyExistsError] * 3
    found = await modal.Sandbox.from_name.aio("boxes", "mine", client=user.client)
    assert found.object_id == sandboxes[0].object_id
    assert len(fake.running()) == 1


async def test_a_name_is_free_again_when_its_sandbox_ended_and_is_its_apps_own(
    user: User, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await user.create(name="mine")
    other = await new_user(fake, monkeypatch, "others")
    assert (await other.create(name="mine")).object_id != first.object_id
    await first.terminate.aio()
    with pytest.raises(NotFoundError):
        await modal.Sandbox.from_name.aio("boxes", "mine", client=user.client)
    second = await user.create(name="mine")
    found = await modal.Sandbox.from_name.aio("boxes", "mine", client=user.client)
    assert found.object_id == second.object_id
    await other.client.close.aio()


async def test_a_sandbox_found_by_name_while_it_starts_can_be_used_at_once(
    user: User, fake: Fake
) -> None:
    creating = asyncio.create_task(user.create(name="mine"))
    while not fake.running():
        await asyncio.sleep(0)
    assert not fake.running()[0].settled.is_set()
    found = await modal.Sandbox.from_name.aio("boxes", "mine", client=user.client)
    assert await run(found, "echo here") == (0, b"here\n")
    assert (await creating).object_id == found.object_id


async def test_dead_ids_are_told_apart_by_the_handle(user: User) -> None:
    sandbox = await user.create()
    await run(sandbox, "true")
    await sandbox.terminate.aio()
    with pytest.raises(NotFoundError):
        await sandbox.exec.aio("true")
    with pytest.raises(NotFoundError):
        await sandbox.filesystem.read_text.aio("/etc/passwd")
    with pytest.raises(NotFoundError):
        await sandbox.snapshot_filesystem.aio(timeout=10)
    fresh = await user.find(sandbox)
    with pytest.raises(ConflictError):
        await fresh.exec.aio("true")
    with pytest.raises(ConflictError):
        await (await user.find(sandbox)).snapshot_filesystem.aio(timeout=10)
    assert await fresh.poll.aio() == 137
    await fresh.terminate.aio()
    with pytest.raises(SandboxTerminatedError):
        await fresh.wait.aio()


async def test_ids_that_never_were_are_not_found(user: User) -> None:
    with pytest.raises(NotFoundError):
        await modal.Sandbox.from_id.aio("sb-00000000000000000000V", client=user.client)


async def test_a_command_that_runs_when_its_sandbox_dies_ends_as_not_found(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create()
    process = await sandbox.exec.aio("sleep", "1238")
    waiting = asyncio.create_task(process.wait.aio())
    await fake.terminate(sandbox.object_id)
    with pytest.raises(NotFoundError):
        await waiting
    assert await sandbox.poll.aio() == 137


async def test_the_lifetime_ends_a_sandbox_whatever_it_does(user: User, fake: Fake) -> None:
    sandbox = await user.create(timeout=600)
    process = await sandbox.exec.aio("sleep", "1239")
    fake.skip(500)
    assert await sandbox.poll.aio() is None
    fake.skip(101)
    with pytest.raises(NotFoundError):
        await process.wait.aio()
    with pytest.raises(SandboxTimeoutError):
        await sandbox.wait.aio()
    assert sandbox.returncode == 124
    await ended(fake)


async def test_a_lifetime_of_one_second_ends_by_itself(user: User, fake: Fake) -> None:
    await user.create(timeout=1)
    await ended(fake)


async def test_idle_means_no_running_exec_and_a_detached_job_is_none(
    user: User, fake: Fake
) -> None:
    sandbox = await user.create(timeout=86400, idle_timeout=60)
    process = await sandbox.exec.aio("cat")
    fake.skip(1000)
    assert await sandbox.poll.aio() is None
    process.stdin.write_eof()
    await process.stdin.drain.aio()
    assert await process.wait.aio() == 0
    await run(sandbox, "setsid sleep 1240 >/dev/null 2>&1 &")
    fake.skip(20)
    assert await sandbox.poll.aio() is None
    fake.skip(41)
    await sandbox.wait.aio(raise_on_termination=False)
    await ended(fake)


async def test_lists_show_what_runs_in_one_app_with_these_tags_newest_first(
    user: User, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listed(**tags: str) -> list[str]:
        found = modal.Sandbox.list.aio(app_id=user.app.app_id, tags=tags, client=user.client)
        return [sandbox.object_id async for sandbox in found]

    one = await user.create(tags={"owner": "us", "kind": "a"})
    two = await user.create(tags={"owner": "us"})
    gone = await user.create(tags={"owner": "us"})
    await gone.terminate.aio()
    other = await new_user(fake, monkeypatch, "others")
    await other.create(tags={"owner": "us"})
    await other.client.close.aio()
    assert await listed(owner="us") == [two.object_id, one.object_id]
    assert await listed(owner="us", kind="a") == [one.object_id]
    await one.set_tags.aio({"kind": "b"})
    assert await one.get_tags.aio() == {"kind": "b"}
    assert await listed(owner="us") == [two.object_id]
    assert await listed() == [two.object_id, one.object_id]


async def test_the_fake_ends_with_everything_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fakes.modal import running_fake

    async with running_fake() as fake:
        user = await new_user(fake, monkeypatch)
        await run(await user.create(), "setsid sleep 1241 >/dev/null 2>&1 &")
        assert len(fake.processes()) == 1
        await user.client.close.aio()
    assert fake.processes() == []
