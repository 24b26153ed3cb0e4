"""The program as it is brought into a sandbox: packed, installed and run by a bare Python."""

import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from sandbox.backends.modal import upload
from sandbox.backends.modal.program.main import pack


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(upload, "HOME", str(tmp_path))
    monkeypatch.setattr(upload, "STATE", str(tmp_path / "state"))
    monkeypatch.setattr(upload, "INCOMING", str(tmp_path / "incoming"))
    monkeypatch.setattr(upload, "PYTHON", (sys.executable, "-I", "-S", "-c"))
    return tmp_path


def _run(line: list[str]) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(line, capture_output=True, timeout=30, check=False, cwd="/")


def test_a_missing_program_is_told_by_its_exit_code(home: Path) -> None:
    assert _run(upload.run_line(pack({"op": "hello"}))).returncode == upload.MISSING


def test_it_is_installed_once_by_several_workers_and_then_runs(home: Path) -> None:
    paths = [home / f"{number}.zip" for number in range(3)]
    for path in paths:
        path.write_bytes(upload.packed())
    running = [subprocess.Popen(upload.install_line(str(path), ())) for path in paths]

    assert [process.wait(30) for process in running] == [0, 0, 0]
    assert [path.name for path in home.glob("program-*")] == [Path(upload._place()).name]
    assert not list(home.glob("*.zip"))
    answer = _run(upload.run_line(pack({"op": "hello"})))
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert answer.stdout.endswith(b"{}")


def test_it_holds_nothing_but_the_programs() -> None:
    names = zipfile.ZipFile(BytesIO(upload.packed())).namelist()

    assert "sandbox/backends/modal/program/main.py" in names
    assert not [name for name in names if "backend.py" in name or "settings" in name]
    assert len(upload.packed()) < 100_000
