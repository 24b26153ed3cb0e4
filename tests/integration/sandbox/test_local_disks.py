"""What bounds the files of a local sandbox: a watched folder, or a file system of fixed size."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.backends.local.disks import Disks
from sandbox.backends.local.host import Host
from sandbox.backends.local.programs.inside.disk import count_files
from sandbox.errors import Fatal
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box, record, spec
from tests.polling import until

ROOT = Path(__file__).parents[3]
root_alone = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")


# --- a watched folder -----------------------------------------------------------------------------


@pytest.mark.attack(34)
async def test_many_empty_files_end_the_command(box: Box) -> None:
    """They take no blocks: 50 000 are allowed here, and the command would make a million."""
    make = "import itertools; [open(f'd/{n}', 'w').close() for n in range(1_000_000)]"
    state = await box.run(f'mkdir d; python3 -c "{make}"')

    assert "more than 50000 files; the command was ended" in state.chunk
    assert state.exit_code == 128 + 15
    assert int(await box.output("rm -r d; ls | wc -l")) == 0


@pytest.mark.attack(33)
async def test_what_goes_on_filling_after_its_command_ended_is_ended_too(box: Box) -> None:
    fill = "while :; do head -c 20M /dev/zero > ~/$RANDOM.$RANDOM || exit; done"
    await box.output(f"(setsid nohup bash -c '{fill}' >/dev/null 2>&1 &)")
    count = "pgrep -c -f RANDOM"

    async with asyncio.timeout(60):
        while (await box.run(f"{count} || true")).chunk.strip() not in ("0", "1"):
            await asyncio.sleep(0.2)
    assert await box.output("rm -f ~/*.*; echo alive") == "alive\n"


class Job:
    """What a watch needs of a running command."""

    ended = None

    def __init__(self) -> None:
        self.said = ""

    def note(self, sentence: str) -> None:
        self.said += sentence

    def terminate(self, reason: str) -> None:
        self.said += f" ({reason})"


def test_files_are_counted_only_until_it_is_too_much(tmp_path: Path) -> None:
    for number in range(30):
        folder = tmp_path / str(number // 10)
        folder.mkdir(exist_ok=True)
        (folder / str(number)).write_bytes(b"x" * 5000)
    os.truncate(tmp_path / "0" / "0", 1 << 40)

    held, count = count_files([str(tmp_path)])
    assert count == 33
    assert 30 * 8192 <= held < 1 << 20
    assert count_files([str(tmp_path)], most_files=5)[1] < 33


# --- a file system of its own ---------------------------------------------------------------------


@pytest.fixture
def imaged(settings: Settings) -> Settings:
    return settings.model_copy(update={"disk": "image", "disk_mb": 64})


@pytest.fixture
async def on_image(imaged: Settings, name: str) -> AsyncIterator[Box]:
    backend = LocalBackend(imaged)
    yield Box(backend, await backend.ensure(spec(name), None, []))
    await backend.destroy(name, None, [])


def mounted(settings: Settings, name: str) -> bool:
    return (settings.state_dir / "disks" / name).is_mount()


def loops(settings: Settings, name: str) -> list[str]:
    """Loop devices of this sandbox's image."""
    image = str(settings.state_dir / "images" / f"{name}.img")
    done = subprocess.run(["losetup", "-j", image], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.mark.attack(33)
@root_alone
async def test_a_file_system_is_full_at_its_size_and_usable_afterwards(on_image: Box) -> None:
    full = await on_image.run("head -c 100M /dev/zero > big; head -c 1M /dev/zero > /tmp/more")

    assert full.chunk.count("No space left on device") == 2
    assert await on_image.output("rm big; echo text > small; cat small") == "text\n"


@pytest.mark.attack(34)
@root_alone
async def test_empty_files_end_with_the_inodes_and_commands_can_still_make_room(
    on_image: Box,
) -> None:
    make = "for n in range(10**6): open(f'd/{n}', 'w').close()"
    full = await on_image.run(f'mkdir d; python3 -c "{make}"')
    room = await on_image.run("rm -r d")  # its log finds no inode either

    assert "No space left on device" in full.chunk
    assert room.exit_code == 0
    assert await on_image.output("echo text > small; cat small") == "text\n"


@pytest.mark.attack(13)
@root_alone
async def test_programs_with_extra_rights_and_devices_mean_nothing_on_it(
    on_image: Box, imaged: Settings
) -> None:
    place = str(imaged.state_dir / "disks" / on_image.ref.name)
    line = next(line for line in Path("/proc/mounts").read_text().splitlines() if place in line)

    assert {"nosuid", "nodev"} <= set(line.split()[3].split(","))


@root_alone
async def test_files_stay_when_the_sandbox_is_stopped_and_the_disk_is_given_back(
    on_image: Box, imaged: Settings
) -> None:
    await on_image.backend.write(on_image.ref, "kept", b"1", 1)
    name = on_image.ref.name

    await on_image.backend.stop(on_image.ref)
    assert not mounted(imaged, name)
    await until(lambda: not loops(imaged, name))  # the kernel lets go a moment later

    ref = await on_image.backend.ensure(spec(name), on_image.ref, [])
    assert (await on_image.backend.read(ref, "kept", 10)).text == "1"
    await on_image.backend.destroy(name, ref, [])
    assert not list((imaged.state_dir / "images").glob(f"{name}*"))
    assert not (imaged.state_dir / "disks" / name).exists()
    await until(lambda: not loops(imaged, name))


@root_alone
async def test_a_disk_in_use_is_not_taken_away(on_image: Box, imaged: Settings) -> None:
    Host(imaged).disks.release(on_image.ref.name)

    assert mounted(imaged, on_image.ref.name)
    assert await on_image.output("echo alive") == "alive\n"


@root_alone
async def test_a_disk_left_by_a_killed_supervisor_is_released_by_the_next_look(
    on_image: Box, imaged: Settings
) -> None:
    name = on_image.ref.name
    await on_image.backend.write(on_image.ref, "kept", b"1", 1)
    os.kill(record(imaged, name)["supervisor"]["pid"], signal.SIGKILL)
    await until(lambda: not Path(f"/proc/{record(imaged, name)['sandbox']['pid']}").exists())

    await on_image.backend.running()

    assert not mounted(imaged, name)
    ref = await on_image.backend.ensure(spec(name), on_image.ref, [])
    assert (await on_image.backend.read(ref, "kept", 10)).text == "1"


@root_alone
async def test_a_disk_mounted_by_a_worker_that_died_before_the_start_is_used(
    imaged: Settings, name: str
) -> None:
    Host(imaged).disks.ready(name)
    backend = LocalBackend(imaged)
    box = Box(backend, await backend.ensure(spec(name), None, []))

    assert await box.output("echo alive") == "alive\n"
    assert len(loops(imaged, name)) == 1
    await backend.destroy(name, box.ref, [])


@root_alone
async def test_racing_workers_make_and_mount_one_disk(imaged: Settings, name: str) -> None:
    refs = await asyncio.gather(
        *(LocalBackend(imaged).ensure(spec(name), None, []) for _ in range(4))
    )

    assert len({ref.sandbox_id for ref in refs}) == 1
    assert len(loops(imaged, name)) == 1
    await LocalBackend(imaged).destroy(name, refs[0], [])


@root_alone
async def test_a_worker_killed_at_any_moment_of_a_start_leaves_a_disk_that_works(
    imaged: Settings, name: str
) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from sandbox.backends.local.backend import LocalBackend\n"
        "from sandbox.protocol import SandboxSpec; from sandbox.settings import Settings\n"
        "s = Settings(state_dir=Path(sys.argv[1]), disk='image', disk_mb=64, memory_mb=512)\n"
        "print(flush=True)\n"
        "asyncio.run(LocalBackend(s).ensure(SandboxSpec(name=sys.argv[2], session='s'), None, []))"
    )
    for moment in (0.01, 0.03, 0.05, 0.08, 0.12):
        line = [sys.executable, "-c", code, str(imaged.state_dir), name]
        worker = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE)
        assert worker.stdout is not None
        await asyncio.to_thread(worker.stdout.readline)
        await asyncio.sleep(moment)  # the moment of the kill is the point, not a condition
        worker.kill()
        worker.wait()
        worker.stdout.close()

        backend = LocalBackend(imaged)
        box = Box(backend, await backend.ensure(spec(name), None, []))
        assert await box.output("echo x >> kept; cat kept | wc -l") != ""
        assert len(loops(imaged, name)) == 1
        await backend.destroy(name, box.ref, [])
        await until(lambda: not loops(imaged, name))


@root_alone
async def test_a_sandbox_keeps_the_kind_of_disk_it_began_with(box: Box, imaged: Settings) -> None:
    await box.backend.write(box.ref, "kept", b"1", 1)
    await box.backend.stop(box.ref)
    backend = LocalBackend(imaged)
    ref = await backend.ensure(spec(box.ref.name), box.ref, [])

    assert (await backend.read(ref, "kept", 10)).text == "1"
    assert not mounted(imaged, box.ref.name)


@pytest.mark.attack(2)
@root_alone
async def test_the_sandbox_user_can_reach_neither_images_nor_mount_points(
    on_image: Box, imaged: Settings
) -> None:
    """Else it could offer the kernel a forged file system, or bend a mount elsewhere."""
    for folder in (imaged.state_dir / "images", imaged.state_dir / "disks"):
        for line in (["touch", str(folder / "x")], ["ls", str(folder)]):
            assert refused(line, imaged.uid), line


def refused(line: list[str], user: int) -> bool:
    done = subprocess.run(
        line, user=user, group=user, extra_groups=[], capture_output=True, check=False
    )
    return done.returncode != 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root can mount")
def test_images_without_root_are_refused_in_one_sentence(settings: Settings) -> None:
    host = Host(settings.model_copy(update={"disk": "image"}))
    with pytest.raises(Fatal, match="SANDBOX_DISK=image needs a worker that is root"):
        Disks(settings.model_copy(update={"disk": "image"}), host.installation)
