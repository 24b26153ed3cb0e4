"""Owns what runs as process 1 of the oracle's sandbox: each line of its input is a command as JSON,
and each line of its output what programs it really ran, one list of words each."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

LIMIT_SECONDS = 2.0
LOG = Path("/tmp/log")
STUBS = Path("/tmp/stubs")
STUB = "#!/bin/sh\nprintf '%s\\037' git \"$@\" >> /tmp/log\nprintf '\\036' >> /tmp/log\n"
REAL = (
    *("bash", "cat", "cp", "env", "find", "ln", "nice", "nohup", "setsid", "sh", "tee", "timeout"),
    *("true", "xargs"),
)
"""Programs that are there beside the stub of git."""
WORK = Path("/tmp/work")


def main() -> None:
    STUBS.mkdir()
    (STUBS / "git").write_text(STUB)
    (STUBS / "git").chmod(0o755)
    for name in REAL:
        if found := shutil.which(name):
            (STUBS / name).symlink_to(found)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(-1, signal.SIGKILL))
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


def run(command: str) -> list[list[str]]:
    """The words of each stub that ran, also of those that the command left behind it."""
    LOG.write_bytes(b"")
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    signal.setitimer(signal.ITIMER_REAL, LIMIT_SECONDS, 0.1)
    subprocess.Popen(
        ["/bin/bash", "-c", command],
        cwd=WORK,
        env={"PATH": str(STUBS), "HOME": str(WORK)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=bounded,
    )
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    signal.setitimer(signal.ITIMER_REAL, 0)
    runs = LOG.read_bytes().decode(errors="replace").split("\036")[:-1]
    return [one.split("\037")[:-1] for one in runs]


def bounded() -> None:
    resource.setrlimit(resource.RLIMIT_NPROC, (64, 64))
    resource.setrlimit(resource.RLIMIT_CPU, (2, 2))
    resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


main()
