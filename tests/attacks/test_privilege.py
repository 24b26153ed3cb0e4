"""Attacks 12 to 18: hostile code looks for more rights than it has."""

import pytest

from tests.attacks.attacker import Attacker
from tests.attacks.syscalls import CALLER, X86, answers, number

NEWUSER, NEWNS, NEWNET, NEWPID = 0x10000000, 0x00020000, 0x40000000, 0x20000000
NEWTIME = 0x80
SIGCHLD = 17
MOUNT = "mount -t tmpfs x /tmp"
KILLED_BY_THE_FILTER = 128 + 31


@pytest.mark.attack(12)
async def test_12_no_new_namespaces_mounts_and_roots(box: Attacker) -> None:
    spaces = (NEWUSER, NEWNS, NEWNET, NEWPID, NEWTIME)
    unshared = [("unshare", flag) for flag in spaces]
    cloned = [("clone", flag | SIGCHLD, 0, 0, 0, 0) for flag in spaces]
    other = ["mount", "umount2", "pivot_root", "chroot", "setns", "move_mount", "open_tree"]
    other += ["fsopen", "mount_setattr"]

    program = answers(*unshared, *cloned, *((name, 0, 0, 0, 0, 0) for name in other))

    assert set((await box.prints(program)).split()) == {"EPERM"}


@pytest.mark.attack(12)
async def test_12_the_tools_for_it_fail_too(box: Attacker) -> None:
    for tool in ("unshare -U id", "unshare -rm id", "unshare -n id", "chroot / id", MOUNT):
        state = await box.run(f"{tool} 2>&1")
        assert state.exit_code != 0, tool
        assert "uid=" not in state.chunk


@pytest.mark.attack(12)
async def test_12_a_call_that_hides_its_flags_from_the_filter_is_absent(box: Attacker) -> None:
    assert await box.prints(answers(("clone3", 0, 0))) == "ENOSYS\n"
    assert await box.output("python3 -c 'import threading as t; t.Thread(target=print).start()'")


@pytest.mark.attack(13)
async def test_13_a_setuid_file_and_tools_give_no_other_user(box: Attacker) -> None:
    before = await box.output("id")

    assert await box.output("cp /bin/bash sh; chmod 6755 sh; ./sh -p -c id") == before
    for tool in ("su -c id", "su root -c id", "sudo -n id", "newgrp -c id", "pkexec id"):
        assert "uid=0" not in (await box.run(f"{tool} 2>&1")).chunk
    for change in ("os.setuid(0)", "os.setgid(0)", "os.setgroups([0])", "os.chown('sh', 0, 0)"):
        state = await box.run(f'python3 -c "import os; {change}"')
        assert state.exit_code == 1, change


@pytest.mark.attack(13)
async def test_13_there_are_no_capabilities_and_none_can_be_gained(box: Attacker) -> None:
    status = await box.output("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status")
    values = dict(line.split(":\t") for line in status.splitlines())

    assert (values.pop("NoNewPrivs"), values.pop("Seccomp")) == ("1", "2")
    assert set(values.values()) == {"0" * 16}
    assert len(values) == 5


@pytest.mark.attack(14)
async def test_14_no_device_can_be_made(box: Attacker) -> None:
    state = await box.run("mknod disk b 254 0; mknod mem c 1 1; mknod /tmp/null c 1 3; ls /tmp")

    assert state.chunk.count("Operation not permitted") == 3
    assert state.chunk.count("\n") == 3


@pytest.mark.attack(15)
async def test_15_process_1_cannot_be_looked_into(box: Attacker) -> None:
    files = ["mem", "environ", "fd/3", "maps", "cwd", "root/etc/passwd", "stack", "syscall", "auxv"]
    state = await box.run(f"for f in {' '.join(files)}; do cat /proc/1/$f; done; ls /proc/1/fd")

    assert state.chunk.count("Permission denied") + state.chunk.count("not permitted") == 10


@pytest.mark.attack(15)
async def test_15_its_memory_and_descriptors_cannot_be_taken(box: Attacker) -> None:
    attach, seize, traceme = 16, 0x4206, 0
    program = f"""{CALLER}
handle = call({number("pidfd_open")}, 1, 0)
print(handle > 2)
print(call({number("pidfd_getfd")}, handle, 3, 0))
for request in ({attach}, {seize}, {traceme}):
    print(call({number("ptrace")}, request, 1, 0, 0))
print(call({number("process_vm_readv")}, 1, 0, 0, 0, 0, 0))
print(call({number("kcmp")}, 1, os.getpid(), 0, 3, 3))
print(call({number("process_madvise")}, handle, 0, 0, 4, 0))
"""
    assert (await box.prints(program)).split() == ["True"] + ["EPERM"] * 7


@pytest.mark.attack(16)
async def test_16_kernel_facilities_that_ignore_namespaces_are_refused(box: Attacker) -> None:
    names = ["bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter"]
    names += ["keyctl", "add_key", "request_key", "open_by_handle_at", "name_to_handle_at"]
    names += ["fanotify_init", "kexec_load", "init_module", "reboot", "swapon", "quotactl"]
    names += ["syslog", "settimeofday", "sethostname"]

    program = answers(*((name, 0, 0, 0, 0, 0) for name in names))

    assert (await box.prints(program)).split() == ["EPERM"] * len(names)


@pytest.mark.attack(17)
@pytest.mark.skipif(not X86, reason="32-bit calls exist on x86-64 only")
@pytest.mark.parametrize("i386", [20, 21, 26, 310], ids=["getpid", "mount", "ptrace", "unshare"])
async def test_17_calls_of_the_32_bit_interface_kill_the_caller(box: Attacker, i386: int) -> None:
    """Their numbers differ, so a filter that let them through would refuse nothing."""
    program = f"""
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=7)
mov_eax, int_80, ret = b"\\xb8", b"\\xcd\\x80", b"\\xc3"
page.write(mov_eax + ({i386}).to_bytes(4, "little") + int_80 + ret)
print(ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))())
"""
    state = await box.python(program)

    assert (state.exit_code, state.chunk) == (KILLED_BY_THE_FILTER, "")


@pytest.mark.attack(17)
@pytest.mark.skipif(not X86, reason="x32 calls exist on x86-64 only")
@pytest.mark.parametrize("name", ["ptrace", "mount", "unshare", "keyctl"])
async def test_17_calls_of_the_x32_interface_kill_the_caller(box: Attacker, name: str) -> None:
    state = await box.python(answers((0x40000000 | number(name), 0, 0, 0, 0, 0)))

    assert (state.exit_code, state.chunk) == (KILLED_BY_THE_FILTER, "")


@pytest.mark.attack(18)
async def test_18_nothing_can_be_typed_into_a_terminal(box: Attacker) -> None:
    """Also with bits set that the kernel ignores and a careless filter compares."""
    program = """
import errno, fcntl, os, pty
_, terminal = pty.openpty()
for request in (0x5412, 0x541C, 0x5412 | 7 << 32):
    libc = __import__("ctypes").CDLL(None, use_errno=True)
    c = __import__("ctypes")
    result = libc.ioctl(terminal, c.c_ulong(request), c.c_char_p(b"x"))
    print(result, errno.errorcode[c.get_errno()])
try:
    os.open("/dev/tty", os.O_RDWR)
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    assert await box.prints(program) == "-1 EPERM\n" * 3 + "ENXIO\n"
