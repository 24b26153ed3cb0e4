"""The life of a session's sandbox, on the real engine with real sandboxes."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.lifecycle import spec_of
from sandbox.protocol import AcquireRequest, CheckpointRequest, Expiry, Lease, SandboxRef
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
    if "patient" not in request.fixturenames:
        monkeypatch.setenv("SANDBOX_IDLE_SECONDS", str(IDLE_SECONDS))
    async with running_cloud(engine, replay_always=request.param) as cloud:
        yield cloud


@pytest.fixture
def patient() -> None:
    """Nothing is idle for long in the cloud of this test."""


@pytest.fixture
def session(name: str) -> str:
    return f"T0:C0:{name}"


def box_of(settings: Settings, session: str) -> Path:
    return settings.state_dir / "boxes" / spec_of(session).name


async def test_everyone_who_acquires_gets_the_same_sandbox(cloud: Cloud, session: str) -> None:
    leases = await asyncio.gather(*(cloud.acquire(session, f"owner {n}") for n in range(4)))

    assert len({lease.ref.sandbox_id for lease in leases}) == 1
    assert leases[0].ref.name == spec_of(session).name
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


async def lose(lease: Lease, settings: Settings, session: str) -> None:
    """As when the machine, or the provider's sandbox, dies with everything on it."""
    await LocalBackend(settings).stop(lease.ref)
    shutil.rmtree(box_of(settings, session))


class DyingAtFirst(LocalBackend):
    """Its first sandbox ends in the moment after it was found to run."""

    died = False

    async def renew(self, ref: SandboxRef, ttl_seconds: int) -> SandboxRef:
        if not self.died:
            self.died = True
            await self.stop(ref)
        return await super().renew(ref, ttl_seconds)


async def test_a_sandbox_that_ends_while_it_is_acquired_is_started_anew(
    cloud: Cloud, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.backends.local.backend.LocalBackend", DyingAtFirst)

    lease = await cloud.acquire(session)

    assert lease.ref.generation == 2
    assert (await cloud.work(Work(session=session, commands=["true"]))).error == ""
    await cloud.destroy(session)


async def test_files_lost_while_it_was_stopped_come_back_whole_from_the_snapshot(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    await cloud.work(Work(session=session, write={"kept.txt": "here"}))
    await cloud.release(session, "driver")
    life = await cloud.until_stopped(session)
    shutil.rmtree(box_of(settings, session))

    lease = await cloud.acquire(session)

    assert (lease.note, lease.rolled_back) == ("", False)
    assert lease.restored == life.snapshots[0]
    assert (await cloud.work(Work(session=session, read=["kept.txt"]))).texts == ["here"]
    await cloud.destroy(session)


async def test_a_sandbox_lost_in_use_goes_back_to_its_checkpoint_and_every_owner_is_told(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    lease = await cloud.acquire(session)
    await cloud.work(Work(session=session, write={"a.txt": "kept"}))
    await cloud.checkpoint(session, "step 1", "mark 1")
    await cloud.work(Work(session=session, write={"b.txt": "after it"}))
    await lose(lease, settings, session)

    first = await cloud.acquire(session, "download")
    second = await cloud.acquire(session, "task", known=lease.ref.generation)

    for told in (first, second):
        assert told.rolled_back
        assert told.restored is not None
        assert told.restored.mark == "mark 1"
        assert told.note == "The sandbox was lost. The project was brought back as of step 1."
    again = await cloud.acquire(session, "task", known=second.ref.generation)
    assert not again.rolled_back
    worked = await cloud.work(Work(session=session, read=["a.txt", "b.txt"]))
    assert (worked.texts, worked.error) == (["kept"], "FileProblem: b.txt does not exist.")
    await cloud.destroy(session)


async def test_a_lost_sandbox_without_a_checkpoint_starts_empty_and_says_so(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    lease = await cloud.acquire(session)
    await cloud.work(Work(session=session, write={"a.txt": "never kept"}))
    await lose(lease, settings, session)

    again = await cloud.acquire(session, known=lease.ref.generation)

    assert again.rolled_back
    assert again.restored is None
    assert "starts empty" in again.note
    await cloud.destroy(session)


async def test_a_sandbox_that_died_with_its_files_intact_is_no_roll_back(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    lease = await cloud.acquire(session)
    await LocalBackend(settings).stop(lease.ref)

    again = await cloud.acquire(session, known=lease.ref.generation)

    assert not again.rolled_back
    assert "all its files" in again.note
    await cloud.destroy(session)


async def test_a_checkpoint_is_taken_once_per_mark(cloud: Cloud, session: str) -> None:
    await cloud.acquire(session)
    await cloud.checkpoint(session, "step 1", "mark 1")
    await cloud.work(Work(session=session, write={"a.txt": "x"}))
    await cloud.checkpoint(session, "step 1", "mark 1")
    await cloud.checkpoint(session, "step 2", "mark 2")

    life = await cloud.life(session)
    assert [s.mark for s in life.snapshots] == ["mark 2", "mark 1"]
    assert life.snapshots[0].snapshot_id != life.snapshots[1].snapshot_id
    await cloud.destroy(session)


async def test_a_leased_sandbox_is_not_stopped(cloud: Cloud, session: str) -> None:
    """Long after it would have been, with nobody's lease."""
    lease = await cloud.acquire(session, "long task")
    await cloud.acquire(session, "short task", ttl=1)
    await cloud.release(session, "short task")
    await asyncio.sleep(IDLE_SECONDS * 2)

    life = await cloud.life(session)
    assert life.running
    await cloud.until_timers(session, 1)
    assert (await cloud.acquire(session)).ref.generation == lease.ref.generation
    await cloud.destroy(session)


async def test_many_touches_leave_one_timer(patient: None, cloud: Cloud, session: str) -> None:
    for number in range(5):
        await cloud.acquire(session, f"owner {number}")
        await cloud.release(session, f"owner {number}")

    await cloud.until_timers(session, 1)
    await cloud.destroy(session)
    await cloud.until_timers(session, 0)


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
    async with asyncio.timeout(60):
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


async def test_settings_that_change_while_a_handler_waits_change_nothing_for_it(
    engine: Engine, settings: Settings, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a process takes over from one that was started with other settings."""
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(settings.state_dir))
    idle = itertools.cycle([600, 600, 5])
    monkeypatch.setattr(
        "sandbox.object.current_settings",
        lambda: settings.model_copy(update={"idle_seconds": next(idle)}),
    )
    async with running_cloud(engine, replay_always=True) as cloud:
        for number in range(4):
            await cloud.acquire(session, f"owner {number}")
            await cloud.release(session, f"owner {number}")
        await cloud.destroy(session)
        events = await engine.query("select event_json from sys_journal_events")
    assert events == []
