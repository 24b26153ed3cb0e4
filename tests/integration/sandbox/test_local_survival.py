"""What of a local sandbox outlives which crash, and what ends it when nobody looks after it."""

import asyncio
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from sandbox.backend import probe
from sandbox.backends.local.backend import LocalBackend
from sandbox.backends.local.programs.outside.erase import erase
from sandbox.contract import Backend
from sandbox.errors import Fatal
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box, running, spec
from tests.polling import until


async def test_a_bubblewrap_that_nobody_knows_ends_with_the_next_start(
    box: Box, settings: Settings
) -> None:
    """A supervisor that was killed in the moment it started one did not live to note its pid."""
    await box.backend.stop(box.ref)
    folder = settings.state_dir / "boxes" / box.ref.name
    user = folder.stat().st_uid if os.geteuid() == 0 else None
    hanging = [shutil.which("bwrap") or "bwrap", "--ro-bind", "/", "/", "--block-fd", "0", "true"]
    with subprocess.Popen(
        hanging,
        cwd=folder,
        stdin=subprocess.PIPE,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    ) as unknown:
        await until(lambda: Path(f"/proc/{unknown.pid}/comm").read_text() == "bwrap\n")

        await box.backend.ensure(spec(box.ref.name), box.ref, [])

        assert await asyncio.to_thread(unknown.wait, 60) == -signal.SIGKILL


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

    ref = await box.backend.ensure(spec(box.ref.name), box.ref, [snapshot])

    again = Box(box.backend, ref)
    assert (ref.restored_from, ref.empty) == (snapshot.snapshot_id, False)
    assert ref.generation > box.ref.generation
    assert await again.output("./link; tool; stat -c %a src/run.sh; stat -c %s ~/sparse") == (
        f"hi\ntool\n750\n{200 << 20}\n"
    )
    assert snapshot.size_bytes < 1 << 20


async def test_equal_files_give_the_same_snapshot(box: Box) -> None:
    await box.backend.write(box.ref, "a", b"1", 1)
    first = await box.backend.snapshot(box.ref)
    second = await box.backend.snapshot(box.ref)
    await box.backend.write(box.ref, "a", b"2", 1)
    third = await box.backend.snapshot(box.ref)

    assert first.snapshot_id == second.snapshot_id != third.snapshot_id
    assert first.size_bytes > 0


async def test_stop_keeps_the_files_and_ends_the_processes(box: Box) -> None:
    await box.backend.write(box.ref, "kept.txt", b"here", 1)
    await box.start("sleep 54324")
    await until(lambda: running("54324") > 0)

    await box.backend.stop(box.ref)

    assert running("54324") == 0
    again = await box.backend.ensure(spec(box.ref.name), box.ref, [])
    assert (await box.backend.read(again, "kept.txt", 100)).text == "here"
    assert not again.empty


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

    ref = await box.backend.ensure(spec(box.ref.name), box.ref, [newer, older])

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
        await broken.ensure(spec(box.ref.name), box.ref, [snapshot])

    ref = await box.backend.ensure(spec(box.ref.name), box.ref, [snapshot])
    assert (await box.backend.read(ref, "file", 100)).text == "kept"


async def test_a_first_start_that_fails_leaves_no_project_behind(
    backend: Backend, settings: Settings, broken_bwrap: Path, name: str
) -> None:
    broken = LocalBackend(settings.model_copy(update={"bwrap": str(broken_bwrap)}))
    with pytest.raises(Fatal):
        await broken.ensure(spec(name), None, [])

    assert (await backend.ensure(spec(name), None, [])).empty


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root has a folder closed to itself when dropped"
)
async def test_a_state_folder_the_sandbox_user_cannot_reach_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(Fatal, match=rf"SANDBOX_STATE_DIR .* because {tmp_path} is closed"):
        await probe(Settings(state_dir=tmp_path / "state"))


async def test_what_a_killed_write_left_is_not_in_the_way_of_the_next_one(box: Box) -> None:
    await box.output("for pid in $(seq 1 2000); do : > .$pid.partial; done")

    await box.backend.write(box.ref, "a.txt", b"new", 1)

    assert await box.output("cat a.txt") == "new"
