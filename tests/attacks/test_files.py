"""Attacks 8 to 11: hostile files under the names we read, write, list and pack."""

import io
import os
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.errors import FileProblem, Retryable
from sandbox.settings import Settings
from tests.attacks.attacker import PATIENCE_SECONDS, Attacker

CANARY = "canary-of-the-machine"
FLIPPING_SECONDS = 2.0


@pytest.fixture
def outside(settings: Settings) -> Path:
    """A folder of the machine with a file that everybody may read and change."""
    folder = settings.state_dir.parent / "outside"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    canary = folder / "canary"
    canary.write_text(CANARY)
    canary.chmod(0o666)
    return folder


@pytest.mark.attack(8)
@pytest.mark.parametrize(
    "path",
    ["up", "file", "folder/canary", "root/{outside}/canary", "../canary", "{outside}/canary"],
)
async def test_08_no_link_and_no_path_leads_out_of_the_sandbox(
    box: Attacker, outside: Path, path: str
) -> None:
    await box.output(
        f"ln -s ../../../../../..{outside}/canary up; ln -s {outside}/canary file;"
        f" ln -s {outside} folder; ln -s /proc/self/root root"
    )
    path = path.format(outside=outside)

    with pytest.raises(FileProblem):
        await box.backend.read(box.ref, path, 100)
    with suppress(FileProblem):  # the same path may be a new one in the sandbox's own /tmp
        await box.backend.write(box.ref, path, b"changed", 1)
    assert (outside / "canary").read_text() == CANARY


@pytest.mark.attack(8)
async def test_08_what_a_link_does_lead_to_is_the_sandboxs_own(box: Attacker) -> None:
    await box.output("ln -s /etc etc; ln -s /proc/self/root root")

    for path in ("etc/passwd", "root/etc/passwd"):
        assert (await box.backend.read(box.ref, path, 1000)).text == (
            await box.output("cat /etc/passwd")
        )
        with pytest.raises(FileProblem, match="outside of what may be written"):
            await box.backend.write(box.ref, path, b"x", 1)
    listed = await box.backend.list_files(box.ref, "root/home", 10)
    folders = [file.path for file in listed.files if file.kind == "directory"]
    assert folders[0].endswith("sandbox")


@pytest.mark.attack(8)
async def test_08_an_archive_holds_no_link_and_nothing_behind_one(box: Attacker) -> None:
    await box.output("ln -s /etc/passwd file; ln -s /etc etc; ln file hard; echo mine > own")
    archive = await box.backend.make_archive(box.ref, "archive", "t")
    data = b"".join([chunk async for chunk in box.backend.read_archive(box.ref, archive)])

    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["t/own"]


# A write makes the folders that it lacks: between two swaps it may make `swap` itself, in the way.
FLIP = """
import os, shutil
os.mkdir("real")
open("real/canary", "w").write("inside")
os.symlink(OUTSIDE, "link")
print("flipping", flush=True)
while True:
    for name in ("real", "link"):
        try:
            os.rename(name, "swap")
        except OSError:
            shutil.rmtree("swap", ignore_errors=True)
        else:
            os.rename("swap", name)
"""


@pytest.mark.attack(9)
async def test_09_a_folder_swapped_with_a_link_while_we_read_never_leads_out(
    box: Attacker, outside: Path, record_property: Callable[[str, object], None]
) -> None:
    job = await box.start_python(f"OUTSIDE = {str(outside)!r}\n{FLIP}")
    await box.until_printed(job, "flipping")
    done, refused = 0, 0
    began = time.monotonic()
    while (
        time.monotonic() - began < FLIPPING_SECONDS
        or min(done, refused) == 0
        or done + refused <= 50
    ):
        assert time.monotonic() - began < 30 * FLIPPING_SECONDS, f"{done} inside, {refused} refused"
        try:
            assert (await box.backend.read(box.ref, "swap/canary", 100)).text == "inside"
            done += 1
            await box.backend.write(box.ref, "swap/canary", b"inside", 1)
        except FileProblem:
            refused += 1
    await box.backend.cancel(box.ref, job)

    record_property("reads", f"{done} inside, {refused} refused")
    assert (outside / "canary").read_text() == CANARY


@pytest.mark.attack(10)
@pytest.mark.parametrize("name", ["pipe", "socket", "zero", "random", "terminal", "folder"])
async def test_10_what_is_no_regular_file_is_refused_at_once(box: Attacker, name: str) -> None:
    bind = "import socket; socket.socket(socket.AF_UNIX).bind('socket')"
    await box.output(
        "mkfifo pipe; mkdir folder; ln -s /dev/zero zero; ln -s /dev/urandom random;"
        f' ln -s /dev/ptmx terminal; python3 -c "{bind}"'
    )
    began = time.monotonic()

    with pytest.raises(FileProblem, match=name):
        await box.backend.read(box.ref, name, 1 << 20)
    with pytest.raises(FileProblem, match=name):
        await box.backend.write(box.ref, name, b"x", 1)
    assert time.monotonic() - began < PATIENCE_SECONDS


@pytest.mark.attack(10)
@pytest.mark.parametrize("place", ["self/mem", "self/environ", "1/environ", "kmsg", "1/mem"])
async def test_10_a_file_of_the_kernel_behind_a_link_does_not_hang_the_reader(
    box: Attacker, place: str
) -> None:
    await box.output("ln -s /proc kernel")
    began = time.monotonic()

    with pytest.raises(FileProblem, match=place):
        await box.backend.read(box.ref, f"kernel/{place}", 1 << 20)
    assert time.monotonic() - began < PATIENCE_SECONDS


@pytest.mark.attack(10)
async def test_10_of_a_huge_file_no_more_is_read_than_was_asked_for(box: Attacker) -> None:
    await box.output("truncate -s 64M huge")
    file = await box.backend.read(box.ref, "huge", 1000)

    assert (file.size_bytes, file.truncated, file.text) == (64 << 20, True, "")
    with pytest.raises(FileProblem, match="16 MB"):
        await box.backend.write(box.ref, "huge", bytes((16 << 20) + 1), 1)


LEASE = """
import fcntl, os, time
fd = os.open("leased", os.O_RDWR | os.O_CREAT)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
time.sleep(60)
"""


@pytest.mark.attack(10)
async def test_10_a_file_under_a_lease_does_not_hang_the_reader(box: Attacker) -> None:
    """The kernel makes others wait up to 45 s for the holder of a lease."""
    job = await box.start_python("import signal; signal.signal(29, signal.SIG_IGN)\n" + LEASE)
    await box.until_printed(job, "leased")
    began = time.monotonic()

    with pytest.raises(Retryable, match="leased"):
        await box.backend.read(box.ref, "leased", 100)
    assert time.monotonic() - began < PATIENCE_SECONDS
    await box.backend.cancel(box.ref, job)


ODD_NAMES = {
    "new\nline": r"new\nline",
    "\x1b[31mred": r"\x1b[31mred",
    os.fsdecode(b"bad\xffutf8"): r"bad\xffutf8",
    "-rf": "-rf",
    "\u202egnp.exe": r"\u202egnp.exe",
}


@pytest.mark.attack(11)
async def test_11_names_made_to_deceive_are_listed_escaped_and_can_be_deleted(
    box: Attacker,
) -> None:
    names = [os.fsencode(name) for name in ODD_NAMES]
    await box.prints(f"import os\nos.unlink('attack.py')\nfor n in {names!r}: open(n, 'w')")

    listed = {file.path for file in (await box.backend.list_files(box.ref, ".", 10)).files}
    assert listed == set(ODD_NAMES.values())

    for name in ODD_NAMES:
        await box.backend.remove(box.ref, name, 1)
    assert (await box.backend.list_files(box.ref, ".", 10)).files == []


@pytest.mark.attack(11)
async def test_11_very_many_long_names_are_listed_as_far_as_an_answer_goes(box: Attacker) -> None:
    deep = "import os\nfor _ in range(15): os.mkdir('d' * 250); os.chdir('d' * 250)\n"
    await box.prints(deep + "for n in range(700): open(f'{n:04}', 'w')")

    listed = await box.backend.list_files(box.ref, ".", 1000)

    assert listed.truncated
    assert len(listed.files) > 100
