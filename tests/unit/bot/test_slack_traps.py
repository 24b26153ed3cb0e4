"""The list of what Slack does to apps names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_test_named_in_the_list_of_traps_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/slack-traps.md").read_text()))
    code = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"^ *(?:async )?def (test_\w+)\(", code, re.MULTILINE))
    assert len(named) > 50
    assert named - defined == set()
