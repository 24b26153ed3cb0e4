"""The life of a session's sandbox, on the real engine with real sandboxes."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.lifecycle import name_of
from sandbox.protocol import AcquireRequest, CheckpointRequest, Expiry
from sandbox.settings import Settings
from tests.fakes.restate import Engine
from tests.integration.sandbox.durable import Cloud, Failed, Work, running_cloud

IDLE_SECONDS = 1


@pytest.fixture(params=[False, True], ids=["live", "replay always"])
async def cloud(
    request: pytest.FixtureRequest,
    engine: Engine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Cloud]:
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(settings.state_dir))
    monkeypatch.setenv("SANDBOX_IDLE_SECONDS", str(IDLE_SECONDS))
    async with running_cloud(engine, replay_always=request.param) as cloud:
        yield cloud


@pytest.fixture
def session(name: str) -> str:
    return f"T0:C0:{name}"


def box_of(settings: Settings, session: str) -> Path:
    return settings.state_dir / "boxes" / name_of(session)


async def test_everyone_who_acquires_gets_the_same_sandbox(cloud: Cloud, session: str) -> None:
    leases = await asyncio.gather(*(cloud.acquire(session, f"owner {n}") for n in range(4)))

    assert len({lease.ref.sandbox_id for lease in leases}) == 1
    assert leases[0].ref.name == name_of(session)
    assert {lease.note for lease in leases} == {""}
    assert len((await cloud.life(session)).leases) == 4
    await cloud.destroy(session)


async def test_an_idle_sandbox_is_snapshotted_and_stopped_and_comes_back(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    await cloud.work(Work(session=session, write={"kept.txt": "here"}))
    await cloud.release(session, "driver")

    life = await cloud.until_stopped(session)

    assert len(life.snapshots) == 1
    assert not (box_of(settings, session) / "sock").exists()
    again = await cloud.acquire(session)
    assert again.ref.generation == 2
    assert again.note == ""
    assert (await cloud.work(Work(session=session, read=["kept.txt"]))).texts == ["here"]
    await cloud.destroy(session)


async def test_files_lost_on_this_machine_come_back_from_the_snapshot_with_a_note(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    await cloud.work(Work(session=session, write={"kept.txt": "here"}))
    await cloud.release(session, "driver")
    await cloud.until_stopped(session)
    shutil.rmtree(box_of(settings, session))

    lease = await cloud.acquire(session)

    assert "brought back" in lease.note
    assert (await cloud.work(Work(session=session, read=["kept.txt"]))).texts == ["here"]
    await cloud.destroy(session)


async def test_a_leased_sandbox_is_not_stopped(cloud: Cloud, session: str) -> None:
    lease = await cloud.acquire(session, "long task")
    await cloud.acquire(session, "short task", ttl=1)
    await cloud.release(session, "short task")
    await asyncio.sleep(IDLE_SECONDS * 2)

    life = await cloud.life(session)
    assert life.running
    assert await cloud.timers(session) == 1
    assert (await cloud.acquire(session)).ref.generation == lease.ref.generation
    await cloud.destroy(session)


async def test_many_touches_leave_one_timer(cloud: Cloud, session: str) -> None:
    for number in range(5):
        await cloud.acquire(session, f"owner {number}")
        await cloud.release(session, f"owner {number}")

    assert await cloud.timers(session) == 1
    await cloud.destroy(session)
    assert await cloud.timers(session) == 0


async def test_a_stale_timer_changes_nothing(cloud: Cloud, session: str) -> None:
    await cloud.acquire(session)
    before = await cloud.life(session)

    await cloud.on_sandbox(session, "expire", Expiry(generation=99))

    assert await cloud.life(session) == before
    await cloud.destroy(session)


async def test_a_checkpoint_is_recorded_while_the_sandbox_is_used(
    cloud: Cloud, session: str
) -> None:
    lease = await cloud.acquire(session)
    await cloud.on_sandbox(session, "checkpoint", CheckpointRequest())
    async with asyncio.timeout(5):
        while not (await cloud.life(session)).snapshots:
            await asyncio.sleep(0.02)

    life = await cloud.life(session)
    assert life.running
    assert (await cloud.acquire(session)).ref.sandbox_id == lease.ref.sandbox_id
    await cloud.destroy(session)


async def test_a_checkpoint_of_a_sandbox_that_never_was_is_nothing(
    cloud: Cloud, session: str
) -> None:
    await cloud.on_sandbox(session, "checkpoint", CheckpointRequest())

    assert (await cloud.life(session)).snapshots == []


async def test_destroy_forgets_the_files_and_old_handles_stay_dead(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    first = await cloud.acquire(session)
    await cloud.work(Work(session=session, write={"secret.txt": "x"}))
    await cloud.destroy(session)
    await cloud.destroy(session)

    assert not box_of(settings, session).exists()
    again = await cloud.acquire(session)
    assert (again.ref.empty, again.note) == (True, "")
    assert again.ref.generation > first.ref.generation
    await cloud.destroy(session)


async def test_renew_extends_a_lease_and_fails_without_a_sandbox(
    cloud: Cloud, session: str
) -> None:
    request = AcquireRequest(owner="task", ttl_seconds=7200)
    with pytest.raises(Failed, match="410"):
        await cloud.on_sandbox(session, "renew", request)
    lease = await cloud.acquire(session)
    renewed = await cloud.on_sandbox(session, "renew", request)

    assert renewed["ref"]["expires_at"] > lease.ref.expires_at
    await cloud.destroy(session)


async def test_a_machine_without_bubblewrap_fails_with_a_sentence_and_blocks_nothing(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, session: str
) -> None:
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(settings.state_dir))
    monkeypatch.setenv("SANDBOX_BWRAP", "/no/such/bwrap")
    async with running_cloud(engine) as cloud:
        for _ in range(2):
            with pytest.raises(Failed, match="424: SANDBOX_BWRAP is '/no/such/bwrap'"):
                await cloud.acquire(session)
