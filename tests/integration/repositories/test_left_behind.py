"""Folders of a git that was killed with its process are taken away at the next start."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agent.repositories.git import PREFIX, sweep, workshop
from tests.integration.repositories.conftest import put_settings

HOLD = """
import asyncio
from agent.repositories.git import workshop
async def main():
    async with workshop() as git:
        print(git.folder, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    put_settings({"OPENAI_API_KEY": "none"})
    return tmp_path


async def test_only_the_folders_of_those_that_were_killed_are_removed(parent: Path) -> None:
    environ = os.environ | {"TMPDIR": str(parent), "OPENAI_API_KEY": "none"}
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, env=environ, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    theirs = Path((await other.stdout.readline()).decode().strip())
    elsewhere = parent / "kept"
    elsewhere.mkdir()
    (parent / f"{PREFIX}link").symlink_to(elsewhere)
    (parent / f"{PREFIX}file").write_text("not a folder")
    async with workshop() as git:
        assert sweep() == 0
        assert git.folder.exists()
        assert (theirs / "repository.git").exists()
        other.send_signal(signal.SIGKILL)
        await other.wait()
        assert sweep() == 1
        assert git.folder.exists()
    assert not theirs.exists()
    assert not git.folder.exists()
    assert elsewhere.exists()
