"""The end of sandboxes that live too long or belong to nobody, on the real engine."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.lifecycle import spec_of
from sandbox.settings import Settings
from sandbox.sweeper import Sweep, Swept
from tests.fakes.restate import Engine
from tests.integration.sandbox.driver import Box, running
from tests.integration.sandbox.durable import Cloud, Work, running_cloud
from tests.polling import until

LIFETIME_SECONDS = 10
DEPLOYMENT = "sweep-test"


@pytest.fixture
def lifetime() -> int:
    """Seconds; 0: no limit."""
    return 0


@pytest.fixture
async def cloud(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch, lifetime: int
) -> AsyncIterator[Cloud]:
    monkeypatch.setenv("SANDBOX_STATE_DIR", str(settings.state_dir))
    monkeypatch.setenv("SANDBOX_LIFETIME_SECONDS", str(lifetime))
    monkeypatch.setenv("SANDBOX_OWNER", DEPLOYMENT)
    async with running_cloud(engine) as cloud:
        yield cloud


@pytest.fixture
def session(name: str) -> str:
    return f"T0:C0:{name}"


@pytest.mark.parametrize("lifetime", [LIFETIME_SECONDS])
async def test_before_its_hard_limit_a_busy_sandbox_is_saved_and_started_anew(
    cloud: Cloud, session: str
) -> None:
    lease = await cloud.acquire(session)
    assert lease.ref.hard_limit is not None
    work = await cloud.begin(
        Work(session=session, write={"kept.txt": "here"}, commands=["sleep 54611"])
    )
    await until(lambda: running("54611") > 0)

    life = await cloud.until_stopped(session)
    worked = await cloud.end_of(work)

    assert (life.state, life.at_limit) == ("stopped", True)
    assert running("54611") == 0
    assert worked.error.startswith("SandboxGone")
    again = await cloud.acquire(session, known=lease.ref.generation)
    assert again.ref.generation == lease.ref.generation + 1
    assert not again.rolled_back
    assert "reached its time limit" in again.note
    assert "a command that still ran was ended" in again.note
    assert (await cloud.work(Work(session=session, read=["kept.txt"]))).texts == ["here"]
    await cloud.destroy(session)


async def sweep(cloud: Cloud, older_than: float, number: int = 0) -> Swept:
    request = Sweep(number=number, every_seconds=3600, orphan_seconds=older_than)
    return Swept.model_validate(await cloud.post(f"call/Sweeper/{DEPLOYMENT}/sweep", request))


async def pending(cloud: Cloud, above: int = -1) -> int:
    """Number of the timer that was armed last, once it is above that; 0 for none."""
    async with asyncio.timeout(60):
        while True:
            rows: list[Any] = await cloud.engine.query(
                "select value_utf8 from state where service_name = 'Sweeper'"
                f" and service_key = '{DEPLOYMENT}' and key = 'armed'"
            )
            number = int(rows[0]["value_utf8"]) if rows else 0
            if number > above:
                return number
            await asyncio.sleep(0.02)


async def test_a_sandbox_nobody_owns_is_ended_and_the_others_are_left_alone(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    backend = LocalBackend(settings)
    owned = await cloud.acquire(session)
    orphan = Box(backend, await backend.ensure(spec_of(f"{session}-unknown"), None, []))

    young = await sweep(cloud, older_than=600)
    swept = await sweep(cloud, older_than=0)

    assert orphan.ref.sandbox_id not in young.ended
    assert orphan.ref.sandbox_id in swept.ended
    assert owned.ref.sandbox_id not in swept.ended
    names = [found.name for found in await backend.running()]
    assert owned.ref.name in names
    assert orphan.ref.name not in names
    await cloud.destroy(session)
    await backend.destroy(orphan.ref.name, orphan.ref, [])


async def test_a_stopped_sandbox_that_runs_all_the_same_is_an_orphan(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    backend = LocalBackend(settings)
    await cloud.acquire(session)
    await cloud.destroy(session)
    left = await backend.ensure(spec_of(session), None, [])

    swept = await sweep(cloud, older_than=0)

    assert left.sandbox_id in swept.ended
    await backend.destroy(left.name, left, [])


async def test_starts_arm_one_sweep_and_a_deployment_at_rest_arms_none(
    cloud: Cloud, session: str, settings: Settings
) -> None:
    backend = LocalBackend(settings)
    await cloud.acquire(session)
    await cloud.acquire(f"{session}-other")
    armed = await pending(cloud, above=0)
    await sweep(cloud, older_than=0)
    assert await pending(cloud) == armed

    later = await sweep(cloud, older_than=0, number=armed)
    assert later.running >= 2
    assert await pending(cloud, above=armed) == armed + 1

    await cloud.destroy(session)
    await cloud.destroy(f"{session}-other")
    for found in await backend.running():
        await backend.end(found)
    last = await sweep(cloud, older_than=0, number=armed + 1)
    assert last.running == 0
    await cloud.acquire(session)
    assert await pending(cloud, above=armed + 1) == armed + 2
    await cloud.destroy(session)


async def test_a_pending_sweep_that_an_operator_killed_is_armed_anew_by_a_later_start(
    cloud: Cloud, session: str
) -> None:
    await cloud.acquire(session)
    armed = await pending(cloud, above=0)
    await kill_sweep(cloud)
    await set_due(cloud, armed, at=1.0)
    await cloud.acquire(f"{session}-other")
    assert await pending(cloud, above=armed) == armed + 1
    await cloud.destroy(session)
    await cloud.destroy(f"{session}-other")


async def kill_sweep(cloud: Cloud) -> None:
    [row] = await cloud.engine.query(
        "select id from sys_invocation where target_handler_name = 'sweep'"
        f" and target_service_key = '{DEPLOYMENT}' and status = 'scheduled'"
    )
    url = f"{cloud.engine.server.admin_url}/invocations/{row['id']}/kill"
    async with aiohttp.ClientSession() as http, http.patch(url) as response:
        response.raise_for_status()


async def set_due(cloud: Cloud, armed: int, at: float) -> None:
    """As if the sweep that is armed had been due then."""
    state = {"armed": armed, "resting": False, "due": at}
    new = {name: list(json.dumps(value).encode()) for name, value in state.items()}
    request = {"object_key": DEPLOYMENT, "new_state": new}
    url = f"{cloud.engine.server.admin_url}/services/Sweeper/state"
    async with aiohttp.ClientSession() as http, http.post(url, json=request) as response:
        assert response.status < 300, await response.text()
