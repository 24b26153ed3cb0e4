"""Fixtures every kind of test may use; each test starts from a clean environment."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.restate import Engine, running_engine

OURS = ("SLACK_", "OPENAI_", "LLM_", "RESTATE_", "SANDBOX_", "MODAL_", "THREADWRIGHT_")


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
