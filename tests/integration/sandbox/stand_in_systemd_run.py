#!/usr/bin/python3
"""Stands in for systemd-run: refuses what systemd refuses, then runs the command as a service.

It bounds memory and processes by limits of processes, unless a file `lax` lies beside it.
Environment variables do not reach a service, nor do descriptors.
"""

import os
import re
import resource
import sys
from pathlib import Path

KNOWN = {
    "MemoryMax": r"[0-9]+",
    "MemorySwapMax": r"[0-9]+",
    "TasksMax": r"[0-9]+",
    "CPUQuota": r"[0-9]+%",
    "OOMPolicy": r"continue|stop|kill",
    "TimeoutStopSec": r"[0-9]+",
    "User": r"[0-9]+",
    "Group": r"[0-9]+",
}
FLAGS = {"--user", "--system", "--quiet", "--collect", "--service-type=exec"}


def main() -> None:
    here = Path(sys.argv[0]).resolve().parent
    options, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    properties: dict[str, str] = {}
    while options:
        option = options.pop(0)
        if option == "-p":
            key, _, value = options.pop(0).partition("=")
            if not re.fullmatch(KNOWN.get(key, "(?!)"), value):
                sys.exit(f"Unknown assignment: {key}={value}")
            properties[key] = value
        elif option not in FLAGS and not re.fullmatch(r"--unit=[a-z0-9-]+", option):
            sys.exit(f"unrecognized option '{option}'")
    if not os.access(command[0], os.X_OK):
        sys.exit(f"Failed to find executable {command[0]}")
    with (here / "started").open("a") as started:
        started.write(" ".join(sys.argv[1:]) + "\n")
    if os.fork() == 0:
        serve(properties, command, lax=(here / "lax").exists())


def threads_of(user: int) -> int:
    """A limit of processes counts all that the user runs anywhere; a service's is its own."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == user:
                count += len(list((process / "task").iterdir()))
        except OSError:
            continue  # ended meanwhile
    return count


def serve(properties: dict[str, str], command: list[str], lax: bool) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, 1 << 12)
    if not lax:
        memory, tasks = int(properties["MemoryMax"]), int(properties["TasksMax"])
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        others = threads_of(int(properties.get("User", os.getuid())))
        resource.setrlimit(resource.RLIMIT_NPROC, (others + tasks, others + tasks))
    if "User" in properties:
        os.setgroups([])
        os.setgid(int(properties["Group"]))
        os.setuid(int(properties["User"]))
    os.chdir("/")
    os.execve(command[0], command, {"MANAGERS_SECRET": "canary"})


main()
