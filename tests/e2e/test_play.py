"""The scripted conversation, with the sandboxes that a real deployment has."""

import pytest

from local.play import play


async def test_the_play_ends_well_with_sandboxes_of_modal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_BACKEND", "modal")

    figures = await play()

    assert figures["project_tests"] > 0
