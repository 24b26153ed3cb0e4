"""The files the demo writes: every variant of the to-do list is whole, tidy and tested."""

import asyncio
import itertools
import sys
from pathlib import Path

import pytest

from local.model.scenarios.todo import BASE_TESTS, BUG, CODE, FRAME, REPAIR
from local.model.sources import source

FEATURES = ("priorities", "due", "sqlite")
VARIANTS = [
    frozenset(chosen)
    for n in range(len(FEATURES) + 1)
    for chosen in itertools.combinations(FEATURES, n)
]


def write_todo(folder: Path, features: frozenset[str]) -> None:
    details = {"details"} if features & {"priorities", "due"} else set()
    for path in [*FRAME, *CODE, *BASE_TESTS, *(f"tests/test_{f}.py" for f in sorted(features))]:
        stored = path == "todo/storage.py" and "sqlite" in features
        text = source("todo", "todo/storage_sqlite.py" if stored else path, features | details)
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)


async def run(folder: Path, *command: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 180)
    return process.returncode, output.decode()


@pytest.mark.parametrize("features", VARIANTS, ids=lambda f: "+".join(sorted(f)) or "plain")
async def test_every_variant_passes_its_tests(tmp_path: Path, features: frozenset[str]) -> None:
    write_todo(tmp_path, features)
    code, output = await run(tmp_path, "/usr/bin/python3", "-m", "unittest", "-q")
    assert code == 0, output
    assert int(output.split("Ran ")[1].split()[0]) >= 9


async def test_every_variant_is_formatted_as_people_would(tmp_path: Path) -> None:
    ruff = str(Path(sys.executable).with_name("ruff"))
    rules = ("--isolated", "--line-length", "100")
    for number, features in enumerate(VARIANTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_todo(folder, features)
        checked = await run(folder, ruff, "check", *rules, "--select", "E,F,I,UP,B", ".")
        assert checked == (0, "All checks passed!\n")
        formatted = await run(folder, ruff, "format", "--check", *rules, ".")
        assert formatted[0] == 0, formatted


async def test_the_bug_of_the_demo_is_found_by_a_test(tmp_path: Path) -> None:
    write_todo(tmp_path, frozenset())
    tasks = tmp_path / "todo/tasks.py"
    tasks.write_text(tasks.read_text().replace(REPAIR, BUG))
    code, output = await run(tmp_path, "/usr/bin/python3", "-m", "unittest", "-q")
    assert code == 1
    assert "test_numbers_stay_unique_after_a_removal" in output
    assert "FAILED (failures=1)" in output
