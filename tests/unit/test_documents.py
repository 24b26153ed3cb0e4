"""The documents name every setting and every tool there is."""

import inspect
import re
from pathlib import Path

import pytest

from agent import settings as of_agent
from agent.tools.registry import TOOLS
from bot import settings as of_bot
from sandbox import settings as of_sandbox

ROOT = Path(__file__).parents[2]
FIRST_CELLS = re.compile(r"^\| (`.*?) \|", re.MULTILINE)
VARIABLE = re.compile(r"(?:SANDBOX|MODAL)_[A-Z_]+")


def in_table(document: str) -> set[str]:
    """What stands in backticks in the first column of its tables. `_DAY_USD` behind `A_B_USD` may
    be `A_DAY_USD` or `A_B_DAY_USD`."""
    names: set[str] = set()
    for cell in FIRST_CELLS.findall((ROOT / document).read_text("utf-8")):
        first, *others = re.findall(r"`([^`]+)`", cell)
        starts = [first[: found.start()] for found in re.finditer("_", first)]
        ends = [other for other in others if other.startswith("_")]
        names |= {first, *others} | {start + end for start in starts for end in ends}
    return names


def settings() -> list[str]:
    aliases = [
        str(field.alias)
        for each in (of_agent, of_bot)
        for field in each.Settings.model_fields.values()
    ]
    return sorted({*aliases, *VARIABLE.findall(inspect.getsource(of_sandbox))})


@pytest.mark.parametrize("name", settings())
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert name in in_table("README.md")


def test_every_tool_is_in_the_list_of_tools() -> None:
    assert set(TOOLS) <= in_table("docs/tools.md")
