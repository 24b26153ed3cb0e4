"""Fixtures of the agent's unit tests."""

from collections.abc import Iterator

import pytest

from agent import settings
from tests.unit.agent.driven_session import SECRET


@pytest.fixture
def known_secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the process may not tell."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    settings.current.cache_clear()
    yield
    settings.current.cache_clear()
