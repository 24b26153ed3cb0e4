"""Attacks 1 to 7: hostile code looks for secrets, and for files of the machine it could change."""

import os
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.settings import Settings
from tests.attacks.attacker import Attacker, bubblewrap_of, supervisor_of
from tests.integration.sandbox.driver import running, spec
from tests.polling import until

CANARY = "canary-secret-4711"


@pytest.mark.attack(1)
async def test_01_homes_accounts_and_services_of_the_machine_are_not_there(box: Attacker) -> None:
    hidden = "/root /home/* /var /opt /etc/shadow /etc/sudoers /srv /mnt /media /sys /run/* /boot"
    seen = await box.output(f"ls -d {hidden} 2>/dev/null; true")

    assert seen.split() == ["/home/sandbox", "/run/threadwright"]


@pytest.mark.attack(2)
async def test_02_files_of_the_same_user_of_the_machine_are_not_there(
    box: Attacker, backend: LocalBackend, settings: Settings
) -> None:
    other = await backend.ensure(spec("neighbour"), None, [])
    await backend.write(other, "secret", CANARY.encode(), 1)
    boxes = settings.state_dir / "boxes"
    secret = boxes / "neighbour" / "files" / "project" / "secret"
    assert secret.read_text() == CANARY
    assert boxes.stat().st_uid == (settings.uid if os.geteuid() == 0 else os.geteuid())

    state = await box.run(f"cat {secret}; ls {boxes} {settings.state_dir}")

    assert state.chunk.count("No such file or directory") == 3


@pytest.mark.attack(3)
async def test_03_the_workers_environment_is_nowhere_inside(
    monkeypatch: pytest.MonkeyPatch, backend: LocalBackend, name: str
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", CANARY)
    box = Attacker(backend, await backend.ensure(spec(name), None, []))

    found = await box.run("env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'")

    assert "SBX_EXEC" in found.chunk
    assert "/proc/1/environ: Permission denied" in found.chunk
    assert "canary" not in found.chunk.lower()


@pytest.mark.attack(3)
async def test_03_nor_in_the_processes_that_stand_between_worker_and_sandbox(
    monkeypatch: pytest.MonkeyPatch, backend: LocalBackend, settings: Settings, name: str
) -> None:
    """Whoever broke out would be their user, and could read their environment."""
    monkeypatch.setenv("CANARY_TOKEN", CANARY)
    await backend.ensure(spec(name), None, [])

    for pid in (supervisor_of(settings, name), bubblewrap_of(settings, name)):
        assert Path(f"/proc/{pid}/environ").read_bytes() == b""


@pytest.mark.attack(4)
async def test_04_command_lines_and_mounts_tell_nothing_but_meaningless_paths(
    box: Attacker, settings: Settings, name: str
) -> None:
    command_lines = await box.output("cat /proc/*/cmdline | tr '\\0' ' '")
    mounts = await box.output("cat /proc/self/mountinfo")

    assert "programs.inside.init" in command_lines
    assert str(settings.state_dir) not in command_lines
    assert str(settings.state_dir) in mounts  # a bind mount tells its source: no name, no session
    assert spec(name).session not in command_lines + mounts
    outside = Path(f"/proc/{bubblewrap_of(settings, name)}/cmdline").read_bytes()
    assert outside.split(b"\0")[1] == b"--args"
    assert os.fsencode(settings.state_dir / "boxes") not in outside


@pytest.mark.attack(5)
async def test_05_only_standard_descriptors_are_inherited(box: Attacker) -> None:
    assert await box.output("ls /proc/$$/fd; readlink /proc/$$/fd/0") == "0\n1\n2\n/dev/null\n"


@pytest.mark.attack(6)
async def test_06_everything_but_project_home_and_tmp_is_read_only(box: Attacker) -> None:
    places = "/ /usr /etc /dev /run /bin /proc /home /run/threadwright /etc/ssl"
    state = await box.run(
        f"for d in {places}; do touch $d/x; done 2>&1;"
        " for f in /etc/passwd /etc/hosts; do echo x >> $f; done 2>&1;"
        " touch /project/x ~/x /tmp/x /dev/shm/x && echo fine"
    )

    assert state.chunk.count("touch: cannot touch") == len(places.split())
    assert state.chunk.count("bash: line 1: /etc/") == 2
    assert state.chunk.endswith("fine\n")


KERNEL = """
import os, subprocess
def try_open(path, flags):
    try:
        os.close(os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY))
    except OSError:
        return
    print(path)
SECRET = "kcore kmsg kpagecount kpageflags slabinfo timer_list vmallocinfo 1/mem 1/environ".split()
for path in [f"/proc/{name}" for name in SECRET] + ["/dev/kmsg", "/dev/mem", "/dev/port"]:
    try_open(path, os.O_RDONLY)
for path in ("/proc/sysrq-trigger", "/proc/mtrr", "/proc/acpi/wakeup", "/proc/irq/0/smp_affinity"):
    try_open(path, os.O_WRONLY)
for folder, _, names in os.walk("/proc/sys"):
    for name in names:
        try_open(os.path.join(folder, name), os.O_WRONLY)
if any(not line.startswith("0000000000000000") for line in open("/proc/kallsyms")):
    print("kernel addresses")
if subprocess.run(["dmesg"], capture_output=True).returncode == 0:
    print("dmesg")
"""
OF_ITS_OWN_NAMESPACES = (
    "/proc/sys/fs/mqueue/",
    "/proc/sys/kernel/auto_msgmni",
    "/proc/sys/kernel/msg",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/pid_max",
    "/proc/sys/kernel/sem",
    "/proc/sys/kernel/shm",
)


@pytest.mark.attack(7)
async def test_07_kernel_files_are_closed_also_when_the_worker_is_root(box: Attacker) -> None:
    """As a sandbox of root could write `core_pattern`: a program the kernel runs as root."""
    opened = (await box.prints(KERNEL)).splitlines()

    assert [path for path in opened if not path.startswith(OF_ITS_OWN_NAMESPACES)] == []


@pytest.mark.attack(7)
async def test_07_what_is_writable_of_the_kernel_changes_nothing_outside(box: Attacker) -> None:
    names = ("kernel/msgmax", "kernel/shmmax", "kernel/sem", "fs/mqueue/msg_max")
    files = [Path("/proc/sys", name) for name in names if Path("/proc/sys", name).exists()]
    before = [file.read_bytes() for file in files]

    written = await box.output(
        f"for f in {' '.join(map(str, files))}; do echo 99 7 9 9 > $f && echo written; done; true"
    )

    assert "written" in written
    assert [file.read_bytes() for file in files] == before


@pytest.mark.attack(7)
async def test_07_commands_never_run_as_root_of_the_machine(
    box: Attacker, settings: Settings
) -> None:
    job = await box.start("sleep 54591")
    await until(lambda: running("54591") > 0)

    (process, *_) = (p.parent for p in Path("/proc").glob("[0-9]*/cmdline") if b"54591" in _read(p))
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())

    expected = settings.uid if os.geteuid() == 0 else os.geteuid()
    assert status["Uid"].split() == [str(expected)] * 4
    assert status["Gid"].split()[0] != "0"
    assert "0" not in status["Groups"].split()
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")
    await box.backend.cancel(box.ref, job)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
