"""System calls for hostile programs: numbers, and a program that makes calls and prints answers."""

import os

X86 = os.uname().machine == "x86_64"
_NUMBERS = {
    # name: (x86-64, arm64)
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_madvise": (440, 440),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "fanotify_init": (300, 262),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone": (56, 220),
    "clone3": (435, 435),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "sethostname": (170, 161),
}
CALLER = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    parent = os.getpid()
    ctypes.set_errno(0)
    result = libc.syscall(number, *(ctypes.c_long(a) for a in arguments))
    if os.getpid() != parent:
        os._exit(0)  # a clone that should not have happened
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]
"""


def number(name: str) -> int:
    return _NUMBERS[name][0 if X86 else 1]


def answers(*calls: tuple[object, ...]) -> str:
    """A program that prints one answer a line: a result, or the name of an error."""
    listed = [(number(c[0]) if isinstance(c[0], str) else c[0], *c[1:]) for c in calls]
    return f"{CALLER}\nfor c in {listed!r}: print(call(*c))"
