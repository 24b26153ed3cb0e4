"""Owns the list of refused system calls, and writes the filters.

`python -m sandbox.backends.local.seccomp.generate`. A development tool: it needs `pyseccomp` and
libseccomp2. A test generates again and compares.
"""

import errno
import socket
import tempfile
from pathlib import Path

import pyseccomp as seccomp

ARCHITECTURES = {"x86_64": seccomp.Arch.X86_64, "aarch64": seccomp.Arch.AARCH64}

REFUSED = (
    # other processes' memory and descriptors
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp"),
    # kernel facilities that ignore or widen namespaces
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("open_by_handle_at", "name_to_handle_at", "fanotify_init", "fanotify_mark", "lookup_dcookie"),
    # mounts and namespaces
    *("mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig"),
    *("fsmount", "fspick", "mount_setattr", "unshare", "setns"),
    # the machine
    *("kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot"),
    *(
        "swapon",
        "swapoff",
        "quotactl",
        "quotactl_fd",
        "syslog",
        "acct",
        "vhangup",
        "iopl",
        "ioperm",
    ),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname"),
    *("nfsservctl", "_sysctl", "uselib", "ustat", "sysfs", "modify_ldt"),
)
ABSENT = ("clone3", "memfd_create", "memfd_secret")
"""Answered with ENOSYS, so programs fall back: clone3 hides its flags from a filter, and memory
files are seen by no limit that works without a memory cgroup.
"""

NEW_NAMESPACES = (
    0x00000080,
    0x00020000,
    0x02000000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
TERMINAL_INJECTION = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX type into the terminal of whoever started us."""
FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
NETLINK_ROUTE = 0
LAST_FAMILY = 64
LOW_32_BITS = 0xFFFFFFFF


def build(architecture: str) -> bytes:
    """The filter as the BPF program `bwrap --seccomp` loads."""
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    if ARCHITECTURES[architecture] != seccomp.system_arch():
        rules.add_arch(ARCHITECTURES[architecture])
        rules.remove_arch(seccomp.system_arch())
    for name in REFUSED:
        _refuse(rules, errno.EPERM, name)
    for name in ABSENT:
        _refuse(rules, errno.ENOSYS, name)
    for flag in NEW_NAMESPACES:
        _refuse(rules, errno.EPERM, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    for request in TERMINAL_INJECTION:
        _refuse(
            rules, errno.EPERM, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, LOW_32_BITS, request)
        )
    _refuse_sockets(rules)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _refuse_sockets(rules: seccomp.SyscallFilter) -> None:
    """Known families are refused one by one; everything past the last known one at once."""
    for call in ("socket", "socketpair"):
        for family in range(LAST_FAMILY):
            if family not in FAMILIES:
                same = seccomp.Arg(0, seccomp.MASKED_EQ, LOW_32_BITS, family)
                _refuse(rules, errno.EAFNOSUPPORT, call, same)
        beyond = seccomp.Arg(0, seccomp.GE, LAST_FAMILY)
        _refuse(rules, errno.EAFNOSUPPORT, call, beyond)
    for protocol_bit in range(32):
        netlink = seccomp.Arg(0, seccomp.MASKED_EQ, LOW_32_BITS, socket.AF_NETLINK)
        other = seccomp.Arg(2, seccomp.MASKED_EQ, 1 << protocol_bit, 1 << protocol_bit)
        _refuse(rules, errno.EAFNOSUPPORT, "socket", netlink, other)


def _refuse(rules: seccomp.SyscallFilter, code: int, name: str, *arguments: seccomp.Arg) -> None:
    """Calls another architecture does not have are skipped by the library."""
    rules.add_rule(seccomp.ERRNO(code), name, *arguments)


def main() -> None:
    for architecture in ARCHITECTURES:
        path = Path(__file__).with_name(f"{architecture}.bpf")
        path.write_bytes(build(architecture))


if __name__ == "__main__":
    main()
