"""Attacks 19 to 28: hostile processes kill, hide, outlive, and survive what should end them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.errors import Fenced, SandboxGone
from sandbox.protocol import Command, SandboxRef
from sandbox.settings import Settings
from tests.attacks.attacker import (
    PATIENCE_SECONDS,
    Attacker,
    as_sandbox_user,
    box_json,
    process_1_of,
    supervisor_of,
)
from tests.integration.sandbox.driver import running, spec
from tests.polling import until

ROOT = Path(__file__).parents[2]
WORKER = """
import asyncio, sys
from pathlib import Path
from sandbox.backends.local.backend import LocalBackend
from sandbox.protocol import Command, SandboxSpec
from sandbox.settings import Settings

async def main():
    backend = LocalBackend(Settings(state_dir=Path(sys.argv[1])))
    await backend.ensure(SandboxSpec(name="neighbour", session="T0:C0:neighbour"), None, [])
    print("warm", flush=True)
    sys.stdin.readline()
    spec = SandboxSpec(name=sys.argv[2], session=f"T0:C0:{sys.argv[2]}")
    ref = await backend.ensure(spec, None, [])
    await backend.start(ref, "job", Command(command=sys.argv[3]), 1)
    print(ref.model_dump_json(), flush=True)
    await backend.poll(ref, "job", 0, 60, 1000)

asyncio.run(main())
"""


class Worker:
    """Another process of ours, killed with all its children at the end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def until_warm(self) -> None:
        assert await self._line() == b"warm\n"

    async def ensure(self) -> SandboxRef:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return SandboxRef.model_validate_json(await self._line())

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        return await asyncio.wait_for(self._process.stdout.readline(), 90)

    async def kill(self) -> None:
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.communicate()


async def _start(line: list[str]) -> asyncio.subprocess.Process:
    pipe = subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *line, cwd=ROOT, start_new_session=True, stdin=pipe, stdout=pipe
    )


@asynccontextmanager
async def workers(count: int, *arguments: str | Path) -> AsyncIterator[list[Worker]]:
    line = [sys.executable, "-c", WORKER, *map(str, arguments)]
    started = [Worker(await _start(line)) for _ in range(count)]
    try:
        await asyncio.gather(*(worker.until_warm() for worker in started))
        yield started
    finally:
        await asyncio.gather(*(worker.kill() for worker in started))


@pytest.mark.attack(19)
async def test_19_processes_of_the_machine_cannot_be_seen_or_killed(
    box: Attacker, settings: Settings, name: str
) -> None:
    pids = [os.getpid(), supervisor_of(settings, name), process_1_of(settings, name)]
    state = await box.run(f"for p in {' '.join(map(str, pids))}; do kill -9 $p; ls /proc/$p; done")

    assert state.chunk.count("No such process") == 3
    assert state.chunk.count("No such file or directory") == 3
    assert await box.output("ps -e -o comm= | sort -u | grep -v -E '^(bash|ps|sort|grep)$'") == (
        "python3\n"
    )


@pytest.mark.attack(20)
@pytest.mark.parametrize(
    "attack",
    [
        "kill -9 -1",
        "kill -9 1; kill -STOP 1; kill -INT 1; kill -TERM 1; kill -PIPE 1; kill -CHLD 1",
        "pkill -9 python3; pkill -STOP python3; killall -9 python3",
        "for s in $(seq 64); do kill -$s 1 2>/dev/null; done; true",
    ],
)
async def test_20_the_next_command_works_after_an_attack_on_process_1(
    box: Attacker, attack: str
) -> None:
    await box.run(attack)

    assert await box.output("echo alive") == "alive\n"
    await box.backend.write(box.ref, "file", b"1", 1)


@pytest.mark.attack(21)
async def test_21_daemons_that_left_their_session_and_their_mark_end_with_the_sandbox(
    box: Attacker,
) -> None:
    await box.output(
        "(setsid nohup sleep 54511 &) ; (env -i setsid nohup sleep 54512 > /dev/null 2>&1 &) ;"
        " python3 -c 'import os; os.fork() or os.setsid() or os.fork() or"
        ' os.execve("/bin/sleep", ["sleep", "54513"], {})\''
    )
    await until(lambda: all(running(f"5451{n}") for n in (1, 2, 3)))

    await box.backend.stop(box.ref)

    assert [running(f"5451{n}") for n in (1, 2, 3)] == [0, 0, 0]


@pytest.mark.attack(21)
async def test_21_a_cancel_ends_daemons_that_left_their_session(box: Attacker) -> None:
    job = await box.start("(setsid nohup sleep 54514 &); trap '' TERM; sleep 54515; sleep 54515")
    await until(lambda: min(running("54514"), running("54515")) > 0)

    await box.backend.cancel(box.ref, job)

    assert running("54514") + running("54515") == 0


@pytest.mark.attack(22)
async def test_22_when_the_supervisor_is_killed_everything_inside_dies(
    box: Attacker, settings: Settings, name: str, record_property: Callable[[str, object], None]
) -> None:
    await box.backend.write(box.ref, "kept", b"1", 1)
    job = await box.start("(env -i setsid nohup sleep 54521 &) ; sleep 54522")
    await until(lambda: min(running("54521"), running("54522")) > 0)

    killed = time.monotonic()
    os.kill(supervisor_of(settings, name), signal.SIGKILL)
    await until(lambda: running("54521") + running("54522") == 0)
    record_property("all gone after", f"{(time.monotonic() - killed) * 1000:.0f} ms")

    with pytest.raises(SandboxGone):
        await box.poll(job)
    again = Attacker(box.backend, await box.backend.ensure(spec(name), box.ref, []))
    assert again.ref.generation == box.ref.generation + 1
    assert (await again.poll(job)).lost
    assert await again.output("cat kept") == "1"


@pytest.mark.attack(23)
async def test_23_a_job_survives_its_worker_and_another_worker_sees_its_end(
    backend: LocalBackend, settings: Settings, name: str
) -> None:
    command = "echo x >> runs; echo begun; sleep 1; echo ended"
    async with workers(1, settings.state_dir, name, command) as (worker,):
        ref = await worker.ensure()

    again = Attacker(backend, await backend.ensure(spec(name), None, []))
    await backend.start(again.ref, "job", Command(command=command), 1)
    state = await again.poll("job")

    assert again.ref.sandbox_id == ref.sandbox_id
    assert (state.exit_code, state.chunk) == (0, "begun\nended\n")
    assert await again.output("cat runs") == "x\n"


@pytest.mark.attack(23)
async def test_23_a_sandbox_nobody_renews_ends_itself(settings: Settings, name: str) -> None:
    short = settings.model_copy(update={"idle_seconds": 4})
    await LocalBackend(short, lease_margin_seconds=0).ensure(spec(name), None, [])
    processes = [Path(f"/proc/{of(settings, name)}") for of in (supervisor_of, process_1_of)]

    assert all(process.exists() for process in processes)
    await until(lambda: not any(process.exists() for process in processes))


@pytest.mark.attack(23)
async def test_23_a_worker_that_comes_back_late_cannot_write(box: Attacker) -> None:
    await box.backend.raise_fence(box.ref, 2)

    with pytest.raises(Fenced):
        await box.backend.write(box.ref, "file", b"late", 1)
    with pytest.raises(Fenced):
        await box.run("echo late > file", fence=1)
    assert (await box.backend.list_files(box.ref, ".", 10)).files == []


@pytest.mark.attack(24)
async def test_24_workers_that_create_the_same_name_at_once_get_one_sandbox(
    settings: Settings, name: str
) -> None:
    async with workers(3, settings.state_dir, name, f"echo x >> runs; : 54541-{name}") as racing:
        refs = await asyncio.gather(*(worker.ensure() for worker in racing))
        again = Attacker(LocalBackend(settings), refs[0])

        assert {(ref.sandbox_id, ref.generation) for ref in refs} == {(refs[0].sandbox_id, 1)}
        await again.poll("job")
        assert await again.output("cat runs") == "x\n"


@pytest.mark.attack(25)
async def test_25_a_busy_loop_that_ignores_signals_is_killed_at_its_timeout(box: Attacker) -> None:
    ignore = "import signal\nfor n in set(range(1, 65)) - {9, 19, 32, 33}: signal.signal(n, 1)"
    state = await box.python(f"{ignore}\nprint('busy', flush=True)\nwhile True: pass", timeout=3)

    assert (state.exit_code, state.timed_out, state.chunk) == (124, True, "busy\n")
    assert state.seconds < PATIENCE_SECONDS


FORGED_ENVIRONMENT = """
import ctypes, os, signal, struct, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = libc.sbrk.restype = ctypes.c_void_p
size, read_only, anonymous_private_lazy = 1 << 30, 1, 0x4022
start = libc.mmap(None, ctypes.c_size_t(size), read_only, anonymous_private_lazy, -1, 0)
fields = open("/proc/self/stat").read().rpartition(")")[2].split()
code, end_code, data, end_data, brk, stack, arg, end_arg = (
    int(fields[n - 3]) for n in (26, 27, 45, 46, 47, 28, 48, 49)
)
memory = (code, end_code, data, end_data, brk, libc.sbrk(0), stack, arg, end_arg)
layout = struct.pack("11QQIi", *memory, start, start + size, 0, 0, -1)
set_mm, set_mm_map = 35, 14
if libc.prctl(set_mm, set_mm_map, layout, len(layout), 0):
    print("the kernel does not let processes move their environment")
    sys.exit()
print("environment of 1 GB", flush=True)
time.sleep(60)
"""


@pytest.mark.attack(25)
async def test_25_an_environment_made_huge_does_not_stop_whoever_looks_for_marks_in_it(
    box: Attacker, settings: Settings, name: str
) -> None:
    await box.backend.write(box.ref, "forge.py", FORGED_ENVIRONMENT.encode(), 1)
    job = await box.start("setsid python3 forge.py | tee said & sleep 60")
    await box.run("until test -s said; do sleep 0.05; done")
    if "1 GB" not in (said := await box.output("cat said")):
        pytest.skip(said)
    began = time.monotonic()

    await box.backend.cancel(box.ref, job)

    assert time.monotonic() - began < PATIENCE_SECONDS
    status = Path(f"/proc/{process_1_of(settings, name)}/status").read_text()
    assert _field(status, "VmHWM") < 40_000


def _field(status: str, name: str) -> int:
    return next(int(row.split()[1]) for row in status.splitlines() if row.startswith(f"{name}:"))


@pytest.mark.attack(26)
@pytest.mark.parametrize("child", ["sleep 54561", "yes", "setsid nohup yes 54562"])
async def test_26_a_child_that_holds_the_output_does_not_hold_the_command(
    box: Attacker, child: str
) -> None:
    state = await box.run(f"{child} & echo over")

    assert state.exit_code == 0
    assert "over\n" in state.chunk
    assert state.seconds < PATIENCE_SECONDS
    await box.backend.stop(box.ref)


@pytest.mark.attack(27)
@pytest.mark.parametrize("which", ["sandbox", "supervisor"])
async def test_27_a_stale_record_never_kills_the_process_that_got_its_pid(
    backend: LocalBackend, settings: Settings, name: str, which: str
) -> None:
    first = await backend.ensure(spec(name), None, [])
    await backend.stop(first)
    with _bystander(settings) as bystander:
        _rewrite(settings, name, {which: {"pid": bystander.pid}})

        await backend.ensure(spec(name), first, [])
        await backend.destroy(name, first, [])

        assert bystander.poll() is None


@pytest.mark.attack(28)
async def test_28_after_a_reboot_the_files_are_there_and_no_process_is_taken_for_an_old_one(
    box: Attacker, settings: Settings, name: str
) -> None:
    await box.output("echo kept > file")
    job = await box.start("sleep 54581")
    os.kill(supervisor_of(settings, name), signal.SIGKILL)
    await until(lambda: running("54581") == 0)
    with _bystander(settings) as bystander:
        stat = Path(f"/proc/{bystander.pid}/stat").read_bytes()
        started = int(stat.rpartition(b")")[2].split()[19])
        rebooted = {"pid": bystander.pid, "started": started, "boot": "another"}
        _rewrite(settings, name, {"sandbox": rebooted, "supervisor": rebooted})

        again = Attacker(box.backend, await box.backend.ensure(spec(name), box.ref, []))

        assert (again.ref.empty, again.ref.restored_from) == (False, None)
        assert await again.output("cat file") == "kept\n"
        assert (await again.poll(job, wait=0)).lost
        assert bystander.poll() is None


class _bystander:  # noqa: N801 - used as a function
    """A process of the user that runs sandboxes, with nothing to do with them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __enter__(self) -> subprocess.Popen[bytes]:
        user: dict[str, Any] = as_sandbox_user(self._settings)
        self._process = subprocess.Popen(["sleep", "600"], **user)
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def _rewrite(settings: Settings, name: str, changes: dict[str, dict[str, Any]]) -> None:
    path = settings.state_dir / "boxes" / name / "box.json"
    state = box_json(settings, name)
    for key, change in changes.items():
        state[key] = {**(state[key] or state["supervisor"]), **change}
    path.write_text(json.dumps(state))
