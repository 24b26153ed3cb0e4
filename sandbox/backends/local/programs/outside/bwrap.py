"""Owns the command line of bubblewrap: what a sandbox can see, and how it is started.

Arguments travel through a descriptor and the environment is empty, because code inside could read
both. Must be called from the main thread: `--die-with-parent` fires when the thread that started it
ends.
"""

from __future__ import annotations

import json
import os
import signal

from .identity import identity_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..framing import Header
    from .identity import Identity

HOME = "/home/sandbox"
INSIDE_PROGRAMS = "/run/threadwright"
PASSWD = b"root:x:0:0::/:/bin/false\nsandbox:x:1000:1000:sandbox:/home/sandbox:/bin/bash\n"
AUTHORITIES = "/etc/authorities.pem"
"""Certificates this machine trusts beyond those in /etc/ssl, when it does."""
GROUP = b"root:x:0:\nsandbox:x:1000:\n"
HOSTS = b"127.0.0.1 localhost sandbox\n::1 localhost\n"
ENVIRONMENT = {
    "PATH": f"{HOME}/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": HOME,
    "USER": "sandbox",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}
SHM_BYTES = 64 << 20
_NAMESPACES = ["user", "pid", "ipc", "uts", "net", "cgroup-try"]


def arguments(config: Header, mounts: Iterable[tuple[str, str]], data: dict[str, int]) -> list[str]:
    """Order matters: later mounts cover earlier ones, and the roots are closed last."""
    a = [f"--unshare-{name}" for name in _NAMESPACES]
    a += ["--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--disable-userns"]
    a += ["--as-pid-1", "--new-session", "--die-with-parent", "--cap-drop", "ALL", "--clearenv"]
    a += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = f"/{name}"
        if os.path.islink(path):
            a += ["--symlink", os.readlink(path), path]
        elif os.path.isdir(path):
            a += ["--ro-bind", path, path]
    a += ["--dir", "/etc"]
    for path in ("/etc/ssl", "/etc/alternatives", "/etc/ld.so.cache"):
        a += ["--ro-bind-try", path, path]
    for path in filter(os.path.isabs, data):
        a += ["--ro-bind-data", str(data[path]), path]
    a += ["--dir", "/run", "--ro-bind", config["programs"], INSIDE_PROGRAMS]
    a += ["--proc", "/proc", "--dev", "/dev"]
    a += ["--perms", "1777", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm"]
    for source, target in mounts:
        a += ["--bind", source, target]
    a += ["--chdir", "/project", "--remount-ro", "/dev", "--remount-ro", "/"]
    a += ["--seccomp", str(data["seccomp"])]
    for key, value in ENVIRONMENT.items():
        a += ["--setenv", key, value]
    return a


def launch(
    config: Header,
    mounts: Iterable[tuple[str, str]],
    command: list[str],
    stdin: int | None = None,
    stderr: int | None = None,
    keep: Iterable[int] = (),
    told: int | None = None,
) -> int:
    """Start `command` as process 1 of a new sandbox; returns the pid of bubblewrap outside.

    Args:
        mounts: (folder outside, place inside), writable.
        keep: descriptors `command` inherits under their own numbers.
        told: descriptor bubblewrap writes the pid of process 1 to, as seen from outside.
    """
    with open(config["seccomp"], "rb") as program:
        contents = {
            "/etc/passwd": PASSWD,
            "/etc/group": GROUP,
            "/etc/hosts": HOSTS,
            "seccomp": program.read(),
        }
    if config.get("authorities"):
        contents[AUTHORITIES] = config["authorities"].encode()
    data = {name: _in_memory(content) for name, content in contents.items()}
    listed = arguments(config, mounts, data)
    if told is not None:
        listed += ["--info-fd", str(told)]
    data["arguments"] = _in_memory(b"".join(os.fsencode(a) + b"\0" for a in listed))
    for fd in keep:
        os.set_inheritable(fd, True)
    null = os.open(os.devnull, os.O_RDWR)
    redirected = [
        (os.POSIX_SPAWN_DUP2, null if stdin is None else stdin, 0),
        (os.POSIX_SPAWN_DUP2, null, 1),
        (os.POSIX_SPAWN_DUP2, null if stderr is None else stderr, 2),
    ]
    line = [config["bwrap"], "--args", str(data["arguments"]), "--", *command]
    try:
        return os.posix_spawn(
            config["bwrap"],
            line,
            {},
            file_actions=redirected,
            setsigdef=[signal.SIGPIPE],  # ignored by Python, and so by all it starts
        )
    finally:
        for fd in (*data.values(), null):
            os.close(fd)
        for fd in keep:
            os.set_inheritable(fd, False)


def launch_known(
    config: Header,
    mounts: Iterable[tuple[str, str]],
    command: list[str],
    stderr: int,
    keep: Iterable[int],
) -> tuple[int, Identity | None]:
    """Like `launch`; also names process 1 of the sandbox. None when it did not start."""
    reader, writer = os.pipe()
    pid = launch(config, mounts, command, stderr=stderr, keep=[*keep, writer], told=writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        try:
            return pid, identity_of(json.load(told)["child-pid"])
        except (ValueError, FileNotFoundError, ProcessLookupError):
            return pid, None


def python_inside(config: Header, module: str, *arguments: str) -> list[str]:
    start = (
        f"import sys; sys.path.insert(0, '{INSIDE_PROGRAMS}'); from {module} import main; main()"
    )
    return [config["python"], "-I", "-S", "-B", "-c", start, *arguments]


def _in_memory(content: bytes) -> int:
    fd = os.memfd_create("threadwright", 0)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
