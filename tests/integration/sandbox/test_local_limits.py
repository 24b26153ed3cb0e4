"""What bounds a local sandbox: limits found out by trial, its lifetime, and what ends it."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.backends.local.host import Host
from sandbox.backends.local.programs.outside.identity import is_running
from sandbox.errors import Fatal, Retryable, SandboxGone
from sandbox.protocol import Found
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box, record, spec
from tests.polling import until

STAND_IN = Path(__file__).with_name("stand_in_systemd_run.py")
MANY = """
import os, signal
children = []
for _ in range(4):
    children.append(os.fork())
    if not children[-1]:
        held = bytearray(90 << 20)
        signal.pause()
killed, _ = os.wait()
for child in set(children) - {killed}:
    os.kill(child, signal.SIGKILL)
"""
"""Each holds its share until one of them was killed, however slowly they come to it."""
HOGS = {
    "shared": "import mmap; x = mmap.mmap(-1, 1 << 30)\nwhile True:\n    x.write(b'1' * (1 << 20))",
    "many": MANY,
}
SPIN = """
import os, time
began = time.monotonic()
children = [os.fork() for _ in range(2)]
if all(children):
    time.sleep(1.5)
    [os.kill(child, 9) for child in children]
    used = [os.wait3(0)[2] for _ in children]
    print(sum(u.ru_utime + u.ru_stime for u in used) / (time.monotonic() - began))
while not all(children):
    pass
"""


# --- limits the kernel keeps ----------------------------------------------------------------------


@pytest.fixture(params=["systemd", "cgroup"])
async def enforced(
    request: pytest.FixtureRequest, settings: Settings, name: str
) -> AsyncIterator[Box]:
    forced = settings.model_copy(update={"limits": request.param, "memory_mb": 256, "cpus": 0.5})
    try:
        Host(forced).limits  # noqa: B018 - the look is the point
    except Fatal as error:
        pytest.skip(str(error))
    backend = LocalBackend(forced)
    yield Box(backend, await backend.ensure(spec(name), None, []))
    await backend.destroy(name, None, [])


@pytest.mark.attack(30)
@pytest.mark.parametrize("hog", HOGS)
async def test_the_kernel_ends_a_memory_hog_and_the_command_says_so(
    enforced: Box, hog: str
) -> None:
    await enforced.backend.write(enforced.ref, "hog.py", HOGS[hog].encode(), 1)
    state = await enforced.run("python3 hog.py; echo ended; sleep 0.3")

    assert "over 256 MB of memory" in state.chunk
    # The last of many may be killed only now, and the command that runs then says so.
    assert (await enforced.output("echo alive")).endswith("alive\n")
    again = await enforced.backend.ensure(spec(enforced.ref.name), enforced.ref, [])
    assert again.generation == enforced.ref.generation


@pytest.mark.attack(35)
async def test_cores_are_bounded(enforced: Box) -> None:
    """Two spinning processes may take half a core, and the rest of a period."""
    await enforced.backend.write(enforced.ref, "spin.py", SPIN.encode(), 1)

    assert float(await enforced.output("python3 spin.py")) < 0.73


async def test_nothing_of_a_limit_is_left_when_the_sandbox_is_destroyed(
    enforced: Box, settings: Settings
) -> None:
    groups = groups_of(record(settings, enforced.ref.name)["supervisor"]["pid"])
    assert groups
    await enforced.backend.destroy(enforced.ref.name, None, [])

    assert [group for group in groups if group.exists()] == []


async def test_a_group_left_by_a_killed_supervisor_goes_with_the_next_look(
    enforced: Box, settings: Settings
) -> None:
    state = record(settings, enforced.ref.name)
    groups = groups_of(state["supervisor"]["pid"])
    os.kill(state["supervisor"]["pid"], signal.SIGKILL)
    await until(lambda: not any((group / "cgroup.procs").read_text() for group in groups))

    await enforced.backend.running()

    assert [group for group in groups if group.exists()] == []


def groups_of(pid: int) -> list[Path]:
    """Folders of the control groups a process is in that are ours."""
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    paths = [line.split(":", 2)[2] for line in lines if "threadwright" in line]
    roots = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()]
    return [root / path[1:] for path in paths for root in roots if (root / path[1:]).is_dir()]


# --- the choice -----------------------------------------------------------------------------------


@pytest.fixture
def manager(settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    """A folder whose systemd-run is the stand-in, first in PATH."""
    folder = settings.state_dir.parent / f"manager-{name}"
    folder.mkdir()
    folder.chmod(0o755)
    shutil.copy(STAND_IN, folder / "systemd-run")
    (folder / "systemd-run").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def apart(settings: Settings, name: str) -> Settings:
    """A state folder and a user of its own: process limits count all processes of a user."""
    state = settings.state_dir.parent / f"state-{name}"
    return settings.model_copy(update={"state_dir": state, "uid": 61777})


async def test_a_supervisor_can_be_a_service_with_limits(apart: Settings, manager: Path) -> None:
    backend = LocalBackend(apart.model_copy(update={"limits": "systemd"}))
    ref = await backend.ensure(spec("unit"), None, [])
    box = Box(backend, ref)
    supervisor = record(apart, "unit")["supervisor"]["pid"]

    assert await box.output("echo works") == "works\n"
    started = (manager / "started").read_text().splitlines()
    assert len(started) == 2  # the trial, then the sandbox
    assert f"-p MemoryMax={(512 + 64) << 20}" in started[1]
    assert b"canary" not in Path(f"/proc/{supervisor}/environ").read_bytes()
    assert not list((apart.state_dir / "boxes").glob(".begin-*"))
    await backend.destroy("unit", ref, [])
    await until(lambda: not Path(f"/proc/{supervisor}").exists())


async def test_racing_workers_start_one_service_that_stays(apart: Settings, manager: Path) -> None:
    backends = [LocalBackend(apart.model_copy(update={"limits": "systemd"})) for _ in range(3)]
    refs = await asyncio.gather(*(b.ensure(spec("race"), None, []) for b in backends))

    assert len({ref.sandbox_id for ref in refs}) == 1
    await backends[0].destroy("race", refs[0], [])


def test_limits_that_are_accepted_but_not_kept_are_not_relied_on(
    apart: Settings, manager: Path
) -> None:
    (manager / "lax").touch()
    choice = Host(apart).limits

    assert choice.confinement.kind != "systemd"
    assert choice.refused["systemd"] == (
        "limits of memory and processes were set, and exceeded all the same"
    )


def test_what_is_forced_and_does_not_work_is_one_sentence_with_the_fix(
    apart: Settings, manager: Path
) -> None:
    (manager / "lax").touch()

    with pytest.raises(Fatal, match=r"SANDBOX_LIMITS=systemd does not .*: .*\. Set it to auto, or"):
        Host(apart.model_copy(update={"limits": "systemd"})).limits  # noqa: B018


def test_the_choice_is_made_once_for_all_workers(apart: Settings, manager: Path) -> None:
    wanted = apart.model_copy(update={"limits": "systemd"})
    for _ in range(3):
        assert Host(wanted).limits.confinement.kind == "systemd"

    assert len((manager / "started").read_text().splitlines()) == 1


async def test_a_way_that_stops_working_is_tried_anew(apart: Settings, manager: Path) -> None:
    """The user's systemd session ended since the choice was recorded."""
    assert Host(apart).limits.confinement.kind == "systemd"
    (manager / "systemd-run").write_text("#!/bin/sh\necho 'Failed to connect to bus' >&2; exit 1\n")
    backend = LocalBackend(apart)

    with pytest.raises(Retryable, match="limits of the sandbox could not be set"):
        await backend.ensure(spec("anew"), None, [])
    ref = await backend.ensure(spec("anew"), None, [])
    await backend.destroy("anew", ref, [])


# --- best effort ----------------------------------------------------------------------------------

IN_THE_SANDBOX = "import sys; sys.path.insert(0, '/run/threadwright')\n"
SHORT_MACHINE = f"""{IN_THE_SANDBOX}
import subprocess, time
from programs.inside.memory import MemoryWatch
hog = subprocess.Popen(["python3", "-c", "x = bytearray(150 << 20); print(flush=True); input()"],
                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
hog.stdout.readline()
MemoryWatch(400 << 20, None, machine=lambda: (16 << 30, 2 << 30)).look([])
print("enough", hog.poll())
MemoryWatch(4000 << 20, None, machine=lambda: (16 << 30, 1 << 20)).look([])
print("fair", hog.poll())
MemoryWatch(400 << 20, None, machine=lambda: (16 << 30, 1 << 20)).look([])
print("short", hog.wait())
"""


@pytest.mark.attack(30)
async def test_when_the_machine_runs_short_what_takes_more_than_its_share_gives_way(
    box: Box,
) -> None:
    await box.backend.write(box.ref, "short.py", SHORT_MACHINE.encode(), 1)

    assert await box.output("python3 short.py") == "enough None\nfair None\nshort -9\n"


@pytest.mark.attack(30)
async def test_memory_nobody_maps_any_more_is_freed(box: Box) -> None:
    leak = (
        "import ctypes; c = ctypes.CDLL(None); c.shmat.restype = ctypes.c_void_p;"
        "s = c.shmget(0, ctypes.c_size_t(200 << 20), 0o1600); p = c.shmat(s, None, 0);"
        "ctypes.memset(ctypes.c_void_p(p), 1, 200 << 20); c.shmdt(ctypes.c_void_p(p))"
    )
    await box.output(f"for i in 1 2 3; do python3 -c '{leak}'; done")
    held = "awk 'NR > 1 && $7 == 0 {held += $15} END {print held + 0}' /proc/sysvipc/shm"
    wait = f"while [ $({held}) -gt {400 << 20} ]; do sleep 0.05; done; echo below"

    assert (await box.run(wait)).chunk.endswith("below\n")
    assert await box.output("echo alive") == "alive\n"


# --- lifetime -------------------------------------------------------------------------------------


async def test_a_hard_limit_ends_the_sandbox_whatever_runs_and_whatever_is_renewed(
    settings: Settings, name: str
) -> None:
    backend = LocalBackend(settings.model_copy(update={"lifetime_seconds": 4}))
    box = Box(backend, await backend.ensure(spec(name), None, []))
    await backend.write(box.ref, "kept", b"1", 1)
    job = await box.start("sleep 600", timeout=600)
    renewed = await backend.renew(box.ref, 3600)
    supervisor = record(settings, name)["supervisor"]

    assert box.ref.hard_limit == pytest.approx(box.ref.created_at + 4)
    assert renewed.expires_at == box.ref.hard_limit
    await until(lambda: not is_running(supervisor))
    assert time.time() >= box.ref.hard_limit
    with pytest.raises(SandboxGone):
        await box.poll(job)
    backend = LocalBackend(settings)
    again = Box(backend, await backend.ensure(spec(name), box.ref, []))
    assert again.ref.generation == box.ref.generation + 1
    assert (await again.poll(job)).lost
    assert await again.output("cat kept") == "1"


async def test_without_a_lifetime_there_is_no_hard_limit(box: Box) -> None:
    assert box.ref.hard_limit is None


# --- sweeps ---------------------------------------------------------------------------------------


def _named(found: list[Found], name: str) -> list[Found]:
    return [one for one in found if one.name == name]


async def test_every_running_sandbox_is_found_with_its_session(box: Box) -> None:
    (found,) = _named(await box.backend.running(), box.ref.name)

    assert found.session == spec(box.ref.name).session
    assert (found.sandbox_id, found.generation) == (box.ref.sandbox_id, box.ref.generation)
    assert found.created_at == box.ref.created_at
    await box.backend.stop(box.ref)
    assert _named(await box.backend.running(), box.ref.name) == []


async def test_a_found_sandbox_is_ended_only_if_it_is_still_that_one(box: Box) -> None:
    (found,) = _named(await box.backend.running(), box.ref.name)
    await box.backend.stop(box.ref)
    newer = await box.backend.ensure(spec(box.ref.name), box.ref, [])

    await box.backend.end(found)
    (still,) = _named(await box.backend.running(), box.ref.name)
    assert still.generation == newer.generation

    await box.backend.end(still)
    await box.backend.end(still)
    assert _named(await box.backend.running(), box.ref.name) == []


async def test_a_forgotten_snapshot_is_deleted_and_the_others_stay(
    box: Box, settings: Settings
) -> None:
    snapshots = []
    for number in range(5):
        await box.backend.write(box.ref, "file", f"{number}".encode(), 1)
        snapshots.append(await box.backend.snapshot(box.ref))
    folder = settings.state_dir / "snapshots" / box.ref.name
    assert len(list(folder.iterdir())) == 5

    for _ in range(2):
        await box.backend.forget(box.ref.name, snapshots[:3])

    assert {path.stem for path in folder.iterdir()} == {s.snapshot_id for s in snapshots[3:]}


# --- the machine answers --------------------------------------------------------------------------


@pytest.mark.attack(32)
async def test_a_flood_of_output_and_spinning_leave_the_supervisor_small_and_quick(
    box: Box, settings: Settings
) -> None:
    floods = [await box.start("yes") for _ in range(2)]
    spinners = [await box.start("while :; do :; done") for _ in range(4)]
    slowest = 0.0
    for _ in range(20):
        began = time.monotonic()
        assert await box.output("echo alive") == "alive\n"
        slowest = max(slowest, time.monotonic() - began)
    pid = record(settings, box.ref.name)["supervisor"]["pid"]
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak_kb = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    for job in (*floods, *spinners):
        await box.backend.cancel(box.ref, job)
    assert peak_kb < 40_000
    print(f"slowest command beside two floods and four spinners: {slowest:.2f} s")
