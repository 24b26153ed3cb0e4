"""Owns the program inside a sandbox, as bytes: which files it is made of, how it is brought there,
and how it is run."""

import hashlib
import io
import zipfile
from functools import cache
from pathlib import Path

import sandbox
from sandbox.backends.local import programs
from sandbox.backends.modal import program

HOME = "/var/lib/threadwright"
"""Everything of ours inside a sandbox, apart from logs and archives. Part of every snapshot."""
STATE = f"{HOME}/state"
INCOMING = f"{HOME}/incoming"
MISSING = 97
"""Exit code of a run that finds no program."""
PYTHON = ("python3", "-I", "-S", "-c")
RUN = f"""import sys
sys.path.insert(0, sys.argv[1])
try:
    from {program.__name__}.main import main
except ImportError:
    sys.exit({MISSING})
main(*sys.argv[2:])"""
INSTALL = """import os, shutil, sys, zipfile
packed, target, *folders = sys.argv[1:]
for folder in folders:
    os.makedirs(folder, exist_ok=True)
partial = f"{target}.{os.getpid()}"
zipfile.ZipFile(packed).extractall(partial)
try:
    os.rename(partial, target)
except OSError:
    shutil.rmtree(partial)
os.unlink(packed)"""
"""Several workers may install at once; the first rename wins."""


def run_line(encoded_request: str) -> list[str]:
    return [*PYTHON, RUN, _place(), STATE, encoded_request]


def install_line(packed_path: str, folders: tuple[str, ...]) -> list[str]:
    return [*PYTHON, INSTALL, packed_path, _place(), STATE, INCOMING, *folders]


@cache
def packed() -> bytes:
    """Equal sources give equal bytes."""
    root = Path(sandbox.__file__).parent
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in _sources(root):
            entry = zipfile.ZipInfo(f"sandbox/{path.relative_to(root).as_posix()}")
            archive.writestr(entry, path.read_bytes())
    return target.getvalue()


def _place() -> str:
    return f"{HOME}/program-{hashlib.sha256(packed()).hexdigest()[:16]}"


def _sources(root: Path) -> list[Path]:
    """The program, the programs it shares with the local backend, and the packages above them."""
    ours = Path(program.__file__).parent
    shared = Path(programs.__file__).parent
    found = {*ours.glob("*.py"), *shared.glob("*.py"), *(shared / "inside").glob("*.py")}
    for folder in (*ours.parents, *shared.parents):
        if folder.is_relative_to(root):
            found.add(folder / "__init__.py")
    return sorted(found)
