"""`make check`: lock files hold hashes, name no host, and fit what `pyproject.toml` asks for."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON_LOCKS = [
    ROOT / "requirements.lock",
    ROOT / "tests/bench/peers/requirements.lock",
    *sorted((ROOT / "local/wheels").glob("*.lock")),
]
NODE_LOCK = ROOT / "local/restate/package-lock.json"


def problems() -> list[str]:
    found = [
        f"{lock.name} names an address: run `make lock`."
        for lock in [*PYTHON_LOCKS, NODE_LOCK]
        if re.search(r"https?://", lock.read_text())
    ]
    for lock in PYTHON_LOCKS:
        text = lock.read_text()
        if len(re.findall(r"^\S+==", text, re.M)) > text.count("==") or "--hash" not in text:
            found.append(f"{lock.name} has packages without hashes: run `make lock`.")
    missing = [
        name
        for name, package in json.loads(NODE_LOCK.read_text())["packages"].items()
        if name and "integrity" not in package
    ]
    if missing:
        found.append(f"{NODE_LOCK.name} has no integrity for {missing[0]}.")
    if not _fits():
        found.append("requirements.lock does not fit pyproject.toml: run `make lock`.")
    return found


def _fits() -> bool:
    """Resolving again, with the lock's versions preferred, changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "requirements.lock")
        copy.write_text((ROOT / "requirements.lock").read_text())
        command: list[str | Path] = [
            Path(sys.executable).with_name("uv"), "pip", "compile", "pyproject.toml",
            "--group", "dev", "--generate-hashes", "--universal", "--no-emit-index-url",
            "--no-annotate", "--quiet", "--python-version", "3.11",
            "--custom-compile-command", "make lock", "-o", copy,
        ]  # fmt: skip
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return copy.read_text() == (ROOT / "requirements.lock").read_text()


if __name__ == "__main__":
    for problem in problems():
        sys.stderr.write(f"check: {problem}\n")
    sys.exit(1 if problems() else 0)
