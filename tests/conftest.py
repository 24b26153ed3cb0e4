"""Fixtures every kind of test may use; each test starts from a clean environment."""

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from local.sandboxes import end_sandboxes
from tests.fakes.restate import Engine, running_engine

OURS = ("SLACK_", "OPENAI_", "LLM_", "RESTATE_", "SANDBOX_", "MODAL_", "THREADWRIGHT_", "GITHUB_")

# A slow machine is no fault. What is found is found anew everywhere but where a change is judged:
# there each run tries the same (Hypothesis's own profile for that, which has no deadline either).
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "ours")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's shell may decide a test."""
    for name in list(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """A fresh real Restate server."""
    async with running_engine(tmp_path / "restate") as running:
        yield running


@pytest.fixture
async def sandboxes() -> AsyncIterator[Path]:
    """A folder for local sandboxes, passable for the unprivileged user that runs them."""
    with tempfile.TemporaryDirectory(prefix="threadwright-test-") as folder:
        Path(folder).chmod(0o755)
        state = Path(folder, "sandboxes")
        yield state
        await end_sandboxes({"SANDBOX_STATE_DIR": str(state)})
