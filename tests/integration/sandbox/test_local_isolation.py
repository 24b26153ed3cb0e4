"""The wall of the local sandbox: what hostile code inside can see, reach and break."""

import os
import socket
import threading
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.errors import Fatal
from sandbox.protocol import Backend
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box, running, until


async def test_commands_never_run_as_root_of_the_machine(box: Box) -> None:
    job = await box.start("sleep 54501")
    await until(lambda: running("54501") > 0)

    (process, *_) = (p.parent for p in Path("/proc").glob("[0-9]*/cmdline") if b"54501" in _read(p))
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())

    expected = 61000 if os.geteuid() == 0 else os.geteuid()
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


async def test_the_workers_environment_is_nowhere_inside(
    monkeypatch: pytest.MonkeyPatch, backend: Backend, name: str
) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "canary-secret-4711")
    box = Box(backend, await backend.ensure(name, None, []))

    found = await box.run("cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; env")

    assert "SBX_EXEC" in found.chunk
    assert "canary" not in found.chunk
    assert "CANARY" not in found.chunk


async def test_the_machine_is_hidden(box: Box) -> None:
    hidden = "/root /home/* /var /opt /etc/shadow /srv /mnt /sys /run/* /boot"
    seen = await box.output(f"ls -d {hidden} 2>/dev/null; true")

    assert seen.split() == ["/home/sandbox", "/run/threadwright"]
    assert await box.output("ps -e -o comm= | sort -u | grep -v -E '^(bash|ps|sort|grep)$'") == (
        "python3\n"
    )


async def test_everything_but_project_home_and_tmp_is_read_only(box: Box) -> None:
    command = (
        "for d in / /usr /etc /dev /run /bin /proc /home /run/threadwright; do touch $d/x; done"
    )
    state = await box.run(f"{command} 2>&1; touch /project/x ~/x /tmp/x /dev/shm/x && echo fine")

    assert state.chunk.count("touch: cannot touch") == 9
    assert state.chunk.endswith("fine\n")


async def test_only_standard_descriptors_are_inherited(box: Box) -> None:
    assert await box.output("ls /proc/$$/fd; ls -l /proc/$$/fd/0 | grep -o /dev/null") == (
        "0\n1\n2\n/dev/null\n"
    )


async def test_there_is_no_network(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        probe = (
            "import socket\n"
            f"places = ('127.0.0.1', {port}), ('1.1.1.1', 53), ('169.254.169.254', 80)\n"
            "for host, port in places:\n"
            "    try: socket.create_connection((host, port), 2); print('reached', host)\n"
            "    except OSError as error: print('failed')\n"
            "try: socket.getaddrinfo('example.com', 80); print('resolved')\n"
            "except OSError: print('failed')\n"
        )
        await box.backend.write(box.ref, "probe.py", probe.encode(), 1)
        assert await box.output("python3 probe.py; ls /sys/class/net 2>&1 | tail -1; true") == (
            "failed\n" * 4 + "ls: cannot access '/sys/class/net': No such file or directory\n"
        )


async def test_an_abstract_socket_of_the_machine_is_out_of_reach(box: Box) -> None:
    name = f"threadwright-{os.getpid()}-{threading.get_ident()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{name}")
        server.listen()
        probe = f"import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')"
        state = await box.run(f'python3 -c "{probe}"')

    assert "ConnectionRefusedError" in state.chunk


DENIED = """
import ctypes, errno, os, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
CALLS = {
    "x86_64": dict(ptrace=101, mount=165, unshare=272, setns=308, bpf=321, keyctl=250, perf=298,
                   userfaultfd=323, io_uring=425, open_by_handle=304, clone3=435, memfd=319),
    "aarch64": dict(ptrace=117, mount=40, unshare=97, setns=268, bpf=280, keyctl=219, perf=241,
                    userfaultfd=282, io_uring=425, open_by_handle=265, clone3=435, memfd=279),
}[platform.machine()]
for name, number in sorted(CALLS.items()):
    result = libc.syscall(number, 0, 0, 0, 0, 0)
    print(name, result, errno.errorcode.get(ctypes.get_errno()))
for family in ("AF_VSOCK", "AF_PACKET", "AF_ALG"):
    try:
        socket.socket(getattr(socket, family), socket.SOCK_DGRAM)
        print(family, "made")
    except OSError as error:
        print(family, errno.errorcode[error.errno])
clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]
print("clone", libc.syscall(clone, 0x10000000, 0, 0, 0, 0), errno.errorcode[ctypes.get_errno()])
"""


async def test_dangerous_system_calls_are_refused(box: Box) -> None:
    await box.backend.write(box.ref, "denied.py", DENIED.encode(), 1)
    answers = dict(
        line.split(" ", 1) for line in (await box.output("python3 denied.py")).splitlines()
    )

    families = {answers.pop(name) for name in ("AF_VSOCK", "AF_PACKET", "AF_ALG")}
    absent = {answers.pop(name) for name in ("clone3", "memfd")}
    assert families == {"EAFNOSUPPORT"}
    assert absent == {"-1 ENOSYS"}
    assert set(answers.values()) == {"-1 EPERM"}


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="32-bit calls exist on x86-64 only")
async def test_calls_of_the_32_bit_interface_kill_the_caller(box: Box) -> None:
    """Their numbers differ, so a filter that let them through would refuse nothing."""
    # mov eax, 20 (getpid); int 0x80; ret
    code = "b'\\xb8\\x14\\x00\\x00\\x00\\xcd\\x80\\xc3'"
    probe = (
        "import ctypes, mmap\n"
        "page = mmap.mmap(-1, 4096, prot=7)\n"
        f"page.write({code})\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "print(ctypes.CFUNCTYPE(ctypes.c_int)(address)())\n"
    )
    await box.backend.write(box.ref, "probe.py", probe.encode(), 1)

    assert (await box.run("python3 probe.py")).exit_code == 128 + 31


async def test_usual_tools_work_under_the_filter(box: Box) -> None:
    await box.output(
        "set -e; git init -q .; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x;"
        " python3 -c 'import multiprocessing as m; m.Pool(2).map(abs, [1])';"
        " cat <(echo substitution); python3 -c 'import pty; pty.spawn([\"true\"])'; ps >/dev/null"
    )


@pytest.mark.parametrize(
    "attack",
    [
        "kill -9 -1",
        "kill -9 1; kill -STOP 1; kill -INT 1; kill -TERM 1",
        "pkill -9 python3; pkill -STOP python3",
    ],
)
async def test_the_next_command_works_after_an_attack_on_process_1(box: Box, attack: str) -> None:
    await box.run(attack)

    assert await box.output("echo alive") == "alive\n"
    await box.backend.write(box.ref, "file", b"1", 1)


async def test_commands_run_when_the_folder_of_logs_is_spoiled(box: Box) -> None:
    await box.output("rm -rf ~/.jobs; ln -s /etc ~/.jobs")

    assert await box.output("echo alive") == "alive\n"


async def test_a_project_closed_to_itself_opens_at_the_next_start(box: Box) -> None:
    await box.run("chmod 000 /project ~")
    assert (await box.run("true")).exit_code == 126
    await box.backend.stop(box.ref)

    again = Box(box.backend, await box.backend.ensure(box.ref.name, box.ref, []))

    assert await again.output("echo open > file; cat file") == "open\n"


async def test_process_1_cannot_be_looked_into(box: Box) -> None:
    command = "for f in mem environ fd/3 maps cwd; do cat /proc/1/$f; done; ls /proc/1/fd"
    state = await box.run(command)

    assert state.chunk.count("Permission denied") == 6


FORK_BOMB = """
import os, time
forked = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
        forked += 1
except OSError:
    print(forked)
"""


async def test_a_fork_bomb_is_bounded_and_the_sandbox_lives_on(box: Box) -> None:
    await box.backend.write(box.ref, "bomb.py", FORK_BOMB.encode(), 1)
    job = await box.start("python3 bomb.py")
    state = await box.poll(job)

    assert 100 < int(state.chunk) < 256
    await box.backend.cancel(box.ref, job)
    assert await box.output("echo alive") == "alive\n"


@pytest.mark.parametrize(
    "hog",
    [
        "x = bytearray(1 << 30)",
        "import mmap; x = mmap.mmap(-1, 1 << 30); x.write(b'1' * (1 << 30))",
        "import os\nfor _ in range(3):\n    os.fork()\nx = bytearray(150 << 20)",
    ],
    ids=["heap", "shared", "many"],
)
async def test_a_memory_hog_is_stopped(box: Box, hog: str) -> None:
    """512 MB are allowed. Best effort without a memory cgroup: a look every 150 ms."""
    await box.backend.write(box.ref, "hog.py", f"{hog}\nimport time; time.sleep(2)".encode(), 1)
    state = await box.run("python3 hog.py")

    assert state.exit_code != 0 or "512 MB of memory" in state.chunk
    assert await box.output("echo alive") == "alive\n"


async def test_filling_the_disk_ends_the_command(box: Box) -> None:
    """256 MB are allowed; looked at every two seconds."""
    state = await box.run("for i in $(seq 400); do head -c 1M /dev/zero > $i; done; sleep 20")

    assert "more than 256 MB of files" in state.chunk
    assert state.exit_code == 128 + 15


async def test_a_swapped_path_never_leads_out(box: Box) -> None:
    """A folder and a link change places while we read through them."""
    await box.output("mkdir real; echo inside > real/passwd; ln -s /etc swap")
    flip = "while true; do ln -sfn /project/real swap; ln -sfn /etc swap; done"
    job = await box.start(flip)
    for _ in range(50):
        text = (await box.backend.read(box.ref, "swap/passwd", 1000)).text
        assert text == "inside\n" or text.startswith("root:x:0:0::/:/bin/false\nsandbox:")
    await box.backend.cancel(box.ref, job)


async def test_without_bubblewrap_nothing_runs(settings: Settings, broken_bwrap: Path) -> None:
    backend = LocalBackend(settings.model_copy(update={"bwrap": str(broken_bwrap)}))

    with pytest.raises(Fatal, match="user namespaces are refused"):
        await backend.probe()
    with pytest.raises(Fatal, match="user namespaces are refused"):
        await backend.ensure("broken", None, [])
