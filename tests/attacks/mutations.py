"""`make mutations`: takes protections of the sandbox away, one by one, and sees attacks break.

Each in a copy of the code. A mutation no attack notices is a protection nobody would miss: exit 1.
None of them lets an attack do harm here; all attacks are bounded by themselves.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = "sandbox/backends/local/programs"
COPIED = ("agent", "bot", "local", "sandbox", "tests")
LEFT_OUT = shutil.ignore_patterns("node_modules", "__pycache__", "*.db")
SECONDS = 180
BROKEN = re.compile(r"^(?:FAILED|ERROR) \S*::test_(\d\d)_", re.MULTILINE)


@dataclass(frozen=True)
class Mutation:
    protection: str
    attacks: str
    """Which tests of attacks are run, by a word of their names."""
    changes: tuple[tuple[str, str, str], ...]
    """(file, text, what it becomes); the text must be there."""
    as_root_only: bool = False


def _bwrap(text: str, becomes: str) -> tuple[str, str, str]:
    return (f"{PROGRAMS}/outside/bwrap.py", text, becomes)


MUTATIONS = (
    Mutation("the machine's folders are hidden", "test_01", (
        _bwrap('a += ["--ro-bind", "/usr", "/usr"]',
               'a += ["--ro-bind", "/usr", "/usr", "--ro-bind", "/var", "/var"]'),
    )),
    Mutation("programs outside start with an empty environment", "test_03", (
        ("sandbox/backends/local/launcher.py", "env={},", "env=None,"),
    )),
    Mutation("arguments travel through a descriptor", "test_04", (
        _bwrap('"--args", str(data["arguments"]), "--"', '*listed, "--"'),
    )),
    Mutation("descriptors are closed before a command", "test_05", (
        (f"{PROGRAMS}/inside/job.py", "os.closerange(3, 1 << 16)", "pass"),
    )),
    Mutation("the root of the sandbox is read-only", "test_06", (
        _bwrap('"--remount-ro", "/dev", "--remount-ro", "/"]', '"--remount-ro", "/dev"]'),
    )),
    Mutation("sandboxes never run as root", "test_07", (
        ("sandbox/backends/local/machine.py",
         "run_as=_user(settings) if os.geteuid() == 0 else None", "run_as=None"),
        (f"{PROGRAMS}/outside/main.py", "if 0 in (os.getuid(), os.geteuid()):", "if False:"),
    ), as_root_only=True),
    Mutation("links are not followed into an archive", "test_08", (
        (f"{PROGRAMS}/inside/archive.py", "os.O_RDONLY | os.O_NOFOLLOW", "os.O_RDONLY"),
    )),
    Mutation("only regular files are opened", "test_10", (
        (f"{PROGRAMS}/inside/files.py", "if stat.S_ISREG(mode):", "if True:"),
        (f"{PROGRAMS}/inside/files.py", "os.O_RDONLY | os.O_NOFOLLOW", "os.O_RDONLY"),
    )),
    Mutation("a listing fits into an answer", "test_11", (
        (f"{PROGRAMS}/inside/files.py", "framing.MAX_HEADER_BYTES // 2", "1 << 40"),
    )),
    Mutation("system calls are filtered", "test_12 or test_15 or test_16 or test_17 or test_40", (
        _bwrap('    a += ["--seccomp", str(data["seccomp"])]\n', ""),
    )),
    Mutation("capabilities are dropped", "test_13", (
        _bwrap('"--cap-drop", "ALL"', '"--cap-add", "ALL"'),
    )),
    Mutation("process 1 conceals itself", "test_03 or test_15", (
        (f"{PROGRAMS}/inside/init.py", "    conceal()\n", ""),
    )),
    Mutation("a cancel ends what left its session", "test_21", (
        (f"{PROGRAMS}/inside/processes.py", "mark = f\"{MARK}={job}\"", 'mark = f"{MARK}={MARK}"'),
    )),
    Mutation("a sandbox dies with its supervisor", "test_22", (
        _bwrap('"--die-with-parent", ', ""),
    )),
    Mutation("a lease ends", "test_23", (
        (f"{PROGRAMS}/outside/supervisor.py", "return now > self._box.expires_at and",
         "return False and"),
    )),
    Mutation("late writers are fenced off", "test_23", (
        (f"{PROGRAMS}/outside/service.py", "if fence < self._box.fence:", "if False:"),
    )),
    Mutation("one supervisor holds the lock", "test_24", (
        (f"{PROGRAMS}/outside/box.py", "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass"),
    )),
    Mutation("not all of an environment is read", "test_25", (
        (f"{PROGRAMS}/inside/processes.py", "environ.read(MARK_WITHIN_BYTES)", "environ.read()"),
    )),
    Mutation("a pid is checked before it is killed", "test_27 or test_28", (
        (f"{PROGRAMS}/outside/identity.py", 'if identity_of(identity["pid"]) != identity:',
         "if False:"),
    )),
    Mutation("processes are counted", "test_29", (
        (f"{PROGRAMS}/inside/processes.py",
         "        (resource.RLIMIT_NPROC, PROCESSES_PER_SANDBOX),\n", ""),
    )),
    Mutation("snapshots are packed by the machine's tools", "test_29", (
        (f"{PROGRAMS}/inside/pack.py", '"/usr/bin/tar"', '"/home/sandbox/.local/bin/tar"'),
    )),
    Mutation("memory is watched", "test_30 and watchdog", (
        (f"{PROGRAMS}/inside/memory.py", "used > self._memory_bytes and", "False and"),
    )),
    Mutation("a log is bounded", "test_32", (
        (f"{PROGRAMS}/inside/joblog.py",
         "if self._size > self._head + MARK_BYTES + 2 * self._tail:", "if False:"),
    )),
    Mutation("the disk is watched", "test_33 and project", (
        (f"{PROGRAMS}/inside/disk.py", "if held > disk_bytes:", "if False:"),
    )),
    Mutation("a sandbox has a network of its own", "test_39", (
        _bwrap('"uts", "net", "cgroup-try"', '"uts", "cgroup-try"'),
    )),
    Mutation("answers from inside are not trusted", "test_46", (
        ("sandbox/backends/answers.py",
         "except (KeyError, TypeError, ValueError, OverflowError) as error:",
         "except ZeroDivisionError as error:"),
    )),
)  # fmt: skip


def main() -> int:
    """Arguments: words of the protections to try; none: all."""
    chosen = [m for m in MUTATIONS if all(word in m.protection for word in sys.argv[1:])]
    survived = 0
    for mutation in chosen:
        if mutation.as_root_only and os.geteuid() != 0:
            print(f"{'not tried, needs root':24}  {mutation.protection}", flush=True)
            continue
        began = time.monotonic()
        broken = _attacks_that_break(mutation)
        survived += not broken
        result = f"noticed by {', '.join(broken)}" if broken else "SURVIVED"
        print(f"{result:24}  {mutation.protection}  ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"\n{len(chosen)} protections taken away, {survived} not missed")
    return 1 if survived else 0


def _attacks_that_break(mutation: Mutation) -> list[str]:
    """Numbers, sorted. Raises SystemExit when the tests could not be run at all."""
    with tempfile.TemporaryDirectory(prefix="threadwright-mutation-") as folder:
        for part in COPIED:
            shutil.copytree(ROOT / part, Path(folder, part), ignore=LEFT_OUT)
        shutil.copyfile(ROOT / "pyproject.toml", Path(folder, "pyproject.toml"))
        for file, text, becomes in mutation.changes:
            path = Path(folder, file)
            source = path.read_text()
            if text not in source:
                raise SystemExit(f"mutations: {file} has no {text!r} any more: change the mutation")
            path.write_text(source.replace(text, becomes))
        line = [sys.executable, "-m", "pytest", "-rfE", "--tb=no", "-k", mutation.attacks]
        done = subprocess.run(
            [*line, "tests/attacks"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    if done.returncode not in (0, 1):
        raise SystemExit(f"mutations: {mutation.protection}: {done.stdout}{done.stderr}")
    return sorted(set(BROKEN.findall(done.stdout)))


if __name__ == "__main__":
    sys.exit(main())
