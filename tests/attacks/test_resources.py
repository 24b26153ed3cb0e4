"""Attacks 29 to 35: hostile code takes more than its share. All of them are bounded themselves:
at most 600 forks, and twice the small limits of these sandboxes."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.errors import Fatal
from sandbox.settings import Settings
from tests.attacks.attacker import Attacker, Witness, process_1_of
from tests.attacks.conftest import DISK_MB, MEMORY_MB
from tests.integration.sandbox.driver import Box, running, spec
from tests.polling import until

HOLD = "print('held', flush=True)\ntime.sleep(60)"


# --- processes ------------------------------------------------------------------------------------

FORK_BOMB = """
import os, time
forked = 0
try:
    for forked in range(600):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
except OSError as error:
    print(error.strerror)
print(forked, "forks held", flush=True)
time.sleep(60)
"""


@pytest.mark.attack(29)
async def test_29_a_fork_bomb_is_bounded_and_nobody_waits(
    box: Attacker, witness: Witness, record_property: Callable[[str, object], None]
) -> None:
    job = await box.start_python(FORK_BOMB)
    await box.until_printed(job, "held")
    said = (await box.poll(job, wait=0)).chunk.split()

    await witness.look()
    record_property("forks", said[-3])
    assert 100 < int(said[-3]) < 256
    await box.backend.cancel(box.ref, job)
    assert await box.output("echo $(echo alive)") == "alive\n"


@pytest.mark.attack(29)
async def test_29_threads_count_like_processes(box: Attacker) -> None:
    printed = await box.prints("""
import os, threading, time
threading.stack_size(1 << 16)
count = 0
try:
    for count in range(600):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
except RuntimeError:
    pass
print(count, flush=True)
os._exit(0)
""")
    assert 100 < int(printed) < 256


@pytest.mark.attack(29)
async def test_29_no_program_of_the_sandbox_runs_without_limits_as_a_tool_of_ours(
    box: Attacker,
) -> None:
    """Snapshots are packed by tar and zstd, outside of any command's limits."""
    await box.output(
        "mkdir -p ~/.local/bin; cd ~/.local/bin; for tool in tar zstd gzip; do printf"
        " '#!/bin/bash\\nulimit -u > /project/ran\\nexec /usr/bin/%s \"$@\"\\n' $tool > $tool;"
        " chmod +x $tool; done"
    )
    await box.backend.snapshot(box.ref)

    assert (await box.run("cat ran")).exit_code == 1


# --- memory ---------------------------------------------------------------------------------------

HOGS = {
    "heap": "x = bytearray({bytes})",
    "shared": "import mmap; x = mmap.mmap(-1, {bytes}); x.write(b'1' * {bytes})",
    "many": """
import os, signal
children = []
for _ in range(8):
    children.append(os.fork())
    if not children[-1]:
        x = bytearray({bytes} // 6)
        print('held', flush=True)
        signal.pause()
killed, _ = os.wait()
for child in set(children) - {{killed}}:
    os.kill(child, signal.SIGKILL)
raise SystemExit
""",
}
"""Of many, whichever is killed first, the others hold their share until then."""


@pytest.fixture
async def limited(
    settings: Settings, name: str, request: pytest.FixtureRequest
) -> AsyncIterator[Attacker]:
    """A sandbox whose limits, or whose disk, are enforced in one certain way."""
    backend = LocalBackend(settings.model_copy(update=request.param))
    try:
        ref = await backend.ensure(spec(name), None, [])
    except Fatal as error:
        pytest.skip(str(error))
    yield Attacker(backend, ref)
    await backend.destroy(name, ref, [])


LIMITS = [{"limits": kind} for kind in ("watchdog", "cgroup", "systemd")]


@pytest.mark.attack(30)
@pytest.mark.parametrize("hog", HOGS)
@pytest.mark.parametrize("limited", LIMITS, indirect=True, ids=lambda update: update["limits"])
async def test_30_a_memory_hog_of_twice_the_limit_is_stopped(
    limited: Attacker,
    neighbour: Box,
    hog: str,
    record_property: Callable[[str, object], None],
) -> None:
    """By the watchdog alone this is best effort: a look every 150 ms."""
    program = HOGS[hog].format(bytes=2 * MEMORY_MB << 20)
    state = await limited.python(f"import time\n{program}\n{HOLD}", timeout=50)

    assert f"over {MEMORY_MB} MB of memory" in state.chunk or "held" not in state.chunk
    assert not state.timed_out
    await Witness(record_property, itself=limited, neighbour=neighbour).look(1)


@pytest.mark.attack(30)
async def test_30_there_is_no_memory_that_only_a_cgroup_could_see(box: Attacker) -> None:
    program = f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
print(libc.memfd_create(b"x", 0), errno.errorcode[ctypes.get_errno()])
try:
    for number in range({2 * MEMORY_MB}):
        open(f"/dev/shm/{{number}}", "wb").write(bytes(1 << 20))
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    assert (await box.python(program)).chunk == "-1 ENOSYS\nENOSPC\n"


# --- descriptors, output, processors --------------------------------------------------------------


@pytest.mark.attack(31)
async def test_31_descriptors_run_out_inside_only(box: Attacker, witness: Witness) -> None:
    job = await box.start_python("""
import errno, os, time
fds = []
try:
    while True:
        fds.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print(errno.errorcode[error.errno], len(fds), "held", flush=True)
time.sleep(60)
""")
    await box.until_printed(job, "held")

    await witness.look()
    said = (await box.poll(job, wait=0)).chunk.split()
    assert said[0] == "EMFILE"
    assert int(said[1]) <= 4096
    await box.backend.cancel(box.ref, job)


@pytest.mark.attack(32)
async def test_32_huge_output_keeps_both_ends_and_flat_memory(
    box: Attacker, settings: Settings, name: str
) -> None:
    state = await box.run("echo first; yes | head -c 400M; echo last")

    printed = 6 + 400 * (1 << 20) + 5
    assert (state.exit_code, state.size_bytes) == (0, printed)
    assert state.chunk.startswith("first\ny\n")
    job = await box.start("yes | head -c 20M; echo last")
    size = (await box.poll(job)).size_bytes
    assert (await box.backend.poll(box.ref, job, size - 5, 0, 100)).chunk == "last\n"
    assert int(await box.output(f"stat -c %s {state.log_path}")) < 8 << 20
    assert peak_kb(process_1_of(settings, name)) < 40_000


def peak_kb(pid: int) -> int:
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("VmHWM"))


@pytest.mark.attack(32)
async def test_32_nobody_waits_for_ten_floods_of_output(box: Attacker, witness: Witness) -> None:
    floods = [await box.start("yes") for _ in range(10)]
    for job in floods:
        await box.until_printed(job, "y")

    await witness.look()
    for job in floods:
        await box.backend.cancel(box.ref, job)


@pytest.mark.attack(35)
async def test_35_nobody_waits_for_loops_on_all_processors(box: Attacker, witness: Witness) -> None:
    job = await box.start("for i in 1 2 3 4; do (: 54691; while true; do :; done) & done; wait")
    await until(lambda: running("54691") >= 4)

    await witness.look(10)
    await box.backend.cancel(box.ref, job)
    await until(lambda: running("54691") == 0)


# --- disk -----------------------------------------------------------------------------------------

FULL = f"more than {DISK_MB} MB of files"


@pytest.mark.attack(33)
@pytest.mark.parametrize("place", ["/project", "/home/sandbox", "/tmp", "/dev/shm"])
async def test_33_no_place_takes_twice_the_limit(box: Attacker, place: str) -> None:
    """Folders are looked at every two seconds."""
    fill = f"for i in $(seq {2 * DISK_MB}); do head -c 1M /dev/zero > {place}/$i || exit 9; done"
    state = await box.run(f"{fill}; sleep 60; echo filled", timeout=59)

    assert state.exit_code not in (0, None)
    assert not state.timed_out
    assert "No space left" in state.chunk or FULL in state.chunk
    assert (await box.run("rm -rf /tmp/* ~/* /project/*")).exit_code == 0
    assert await box.output("echo alive") == "alive\n"
