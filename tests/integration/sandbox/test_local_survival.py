"""What of a local sandbox outlives which crash, and what ends it when nobody looks after it."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.backends.local.programs.outside.erase import erase
from sandbox.errors import Fatal, SandboxGone
from sandbox.protocol import Backend, Command
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box, running, until

ROOT = Path(__file__).parents[3]
WORKER = """
import asyncio, sys
from pathlib import Path
from sandbox.backends.local.backend import LocalBackend
from sandbox.protocol import Command
from sandbox.settings import Settings

async def main():
    backend = LocalBackend(Settings(state_dir=Path(sys.argv[1])))
    ref = await backend.ensure(sys.argv[2], None, [])
    await backend.start(ref, "job", Command(command=sys.argv[3]), 1)
    print(ref.model_dump_json(), flush=True)
    await backend.poll(ref, "job", 0, 60, 1000)

asyncio.run(main())
"""


def box_json(settings: Settings, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (settings.state_dir / "boxes" / name / "box.json").read_text()
    )
    return loaded


async def test_a_job_survives_its_worker_and_another_worker_sees_its_end(
    backend: Backend, settings: Settings, name: str
) -> None:
    command = "echo x >> runs; echo begun; sleep 1; echo ended"
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, settings.state_dir, name, command],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    )
    assert worker.stdout is not None
    told = await asyncio.to_thread(worker.stdout.readline)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    worker.stdout.close()

    again = Box(backend, await backend.ensure(name, None, []))
    await backend.start(again.ref, "job", Command(command=command), 1)
    state = await again.poll("job")

    assert again.ref.sandbox_id in told.decode()
    assert (state.exit_code, state.chunk) == (0, "begun\nended\n")
    assert await again.output("cat runs") == "x\n"


async def test_when_the_supervisor_is_killed_everything_inside_dies_and_jobs_are_lost(
    box: Box, settings: Settings
) -> None:
    await box.backend.write(box.ref, "kept", b"1", 1)
    job = await box.start("(setsid nohup sleep 54401 &) ; sleep 54402")
    await until(lambda: min(running("54401"), running("54402")) > 0)

    os.kill(box_json(settings, box.ref.name)["supervisor"]["pid"], signal.SIGKILL)

    await until(lambda: running("54401") + running("54402") == 0, seconds=1)
    with pytest.raises(SandboxGone):
        await box.poll(job)
    again = Box(box.backend, await box.backend.ensure(box.ref.name, box.ref, []))
    assert again.ref.generation == box.ref.generation + 1
    assert (await again.poll(job)).lost
    assert await again.output("cat kept") == "1"


async def test_a_sandbox_nobody_renews_ends_itself(settings: Settings, name: str) -> None:
    short = settings.model_copy(update={"idle_seconds": 1})
    await LocalBackend(short, lease_margin_seconds=0).ensure(name, None, [])
    process = Path("/proc", str(box_json(settings, name)["supervisor"]["pid"]))

    assert process.exists()
    await until(lambda: not process.exists(), seconds=5)


async def test_a_stale_record_never_kills_the_process_that_got_its_pid(
    backend: Backend, settings: Settings, name: str
) -> None:
    first = await backend.ensure(name, None, [])
    await backend.stop(first)
    user = os.stat(settings.state_dir / "boxes").st_uid  # noqa: PTH116
    with subprocess.Popen(["sleep", "60"], user=user if os.geteuid() == 0 else None) as bystander:
        path = settings.state_dir / "boxes" / name / "box.json"
        state = box_json(settings, name)
        state["sandbox"] = {**state["supervisor"], "pid": bystander.pid}
        path.write_text(json.dumps(state))

        await backend.ensure(name, first, [])

        assert bystander.poll() is None
        bystander.kill()


async def test_files_come_back_from_a_snapshot_when_the_folder_is_gone(
    box: Box, settings: Settings
) -> None:
    await box.output(
        "mkdir -p src/empty; echo 'echo hi' > src/run.sh; chmod 750 src/run.sh;"
        " ln -s src/run.sh link;"
        " mkdir -p ~/.local/bin; echo 'echo tool' > ~/.local/bin/tool; chmod +x ~/.local/bin/tool;"
        " truncate -s 200M ~/sparse; mkdir closed; touch closed/x; chmod 000 closed"
    )
    snapshot = await box.backend.snapshot(box.ref)
    await box.backend.stop(box.ref)
    erase(str(settings.state_dir / "boxes" / box.ref.name))

    ref = await box.backend.ensure(box.ref.name, box.ref, [snapshot])

    again = Box(box.backend, ref)
    assert (ref.restored_from, ref.empty) == (snapshot.snapshot_id, False)
    assert ref.generation > box.ref.generation
    assert await again.output("./link; tool; stat -c %a src/run.sh; stat -c %s ~/sparse") == (
        f"hi\ntool\n750\n{200 << 20}\n"
    )
    assert snapshot.size_bytes < 1 << 20


async def test_a_damaged_snapshot_falls_back_to_the_one_before(
    box: Box, settings: Settings
) -> None:
    await box.backend.write(box.ref, "file", b"older", 1)
    older = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "file", b"newer", 1)
    newer = await box.backend.snapshot(box.ref)
    (damaged,) = (settings.state_dir / "snapshots" / box.ref.name).glob(f"{newer.snapshot_id}*")
    os.truncate(damaged, damaged.stat().st_size // 2)
    await box.backend.stop(box.ref)
    shutil.rmtree(settings.state_dir / "boxes" / box.ref.name)

    ref = await box.backend.ensure(box.ref.name, box.ref, [newer, older])

    assert ref.restored_from == older.snapshot_id
    assert (await box.backend.read(ref, "file", 100)).text == "older"


async def test_a_whole_snapshot_that_cannot_be_unpacked_now_is_never_skipped(
    box: Box, settings: Settings, broken_bwrap: Path
) -> None:
    """Starting empty instead would look like losing the work."""
    await box.backend.write(box.ref, "file", b"kept", 1)
    snapshot = await box.backend.snapshot(box.ref)
    await box.backend.stop(box.ref)
    shutil.rmtree(settings.state_dir / "boxes" / box.ref.name)
    broken = LocalBackend(settings.model_copy(update={"bwrap": str(broken_bwrap)}))

    with pytest.raises(Fatal, match="user namespaces are refused"):
        await broken.ensure(box.ref.name, box.ref, [snapshot])

    ref = await box.backend.ensure(box.ref.name, box.ref, [snapshot])
    assert (await box.backend.read(ref, "file", 100)).text == "kept"


async def test_a_first_start_that_fails_leaves_no_project_behind(
    backend: Backend, settings: Settings, broken_bwrap: Path, name: str
) -> None:
    broken = LocalBackend(settings.model_copy(update={"bwrap": str(broken_bwrap)}))
    with pytest.raises(Fatal):
        await broken.ensure(name, None, [])

    assert (await backend.ensure(name, None, [])).empty


async def test_without_any_usable_snapshot_the_project_starts_empty_and_says_so(
    box: Box, settings: Settings
) -> None:
    snapshot = await box.backend.snapshot(box.ref)
    await box.backend.stop(box.ref)
    shutil.rmtree(settings.state_dir / "boxes" / box.ref.name)
    shutil.rmtree(settings.state_dir / "snapshots" / box.ref.name)

    ref = await box.backend.ensure(box.ref.name, box.ref, [snapshot])

    assert (ref.empty, ref.restored_from) == (True, None)


async def test_huge_output_keeps_both_ends_and_flat_memory(box: Box, settings: Settings) -> None:
    state = await box.run("echo first; yes | head -c 400M; echo last")

    printed = 6 + 400 * (1 << 20) + 5
    assert (state.exit_code, state.size_bytes) == (0, printed)
    assert state.chunk.startswith("first\ny\n")
    tail = await box.backend.poll(box.ref, "unused", 0, 0, 10)
    assert tail.lost
    job = await box.start("yes | head -c 20M; echo last")
    size = (await box.poll(job)).size_bytes
    assert (await box.backend.poll(box.ref, job, size - 5, 0, 100)).chunk == "last\n"
    log = int(await box.output(f"stat -c %s {state.log_path}"))
    assert log < 8 << 20
    pid = box_json(settings, box.ref.name)["sandbox"]["pid"]
    status = Path(f"/proc/{pid}/status").read_text()
    peak_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    assert peak_kb < 40_000


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root has a folder closed to itself when dropped"
)
async def test_a_state_folder_the_sandbox_user_cannot_reach_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(Fatal, match=rf"SANDBOX_STATE_DIR .* because {tmp_path} is closed"):
        await LocalBackend(Settings(state_dir=tmp_path / "state")).probe()
