"""What the program that lists and searches does with a project that is made to hold it up."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from agent.tools.looking import program


def look(folder: Path, **request: Any) -> tuple[dict[str, str], list[str]]:
    """Its head and the lines behind it; it is given one second, and killed after a minute."""
    asked = {"path": str(folder), "glob": "", "limit": 100, "seconds": 1, **request}
    done = subprocess.run(
        [sys.executable, "-I", "-c", program(), json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    head, *lines = done.stdout.split("\n")
    return json.loads(head), lines


def search(folder: Path, pattern: str, **request: Any) -> tuple[dict[str, str], list[str]]:
    return look(folder, op="search", pattern=pattern, ignore_case=False, context=0, **request)


def test_a_pattern_that_never_ends_is_stopped_in_time_in_whichever_file_it_is(
    tmp_path: Path,
) -> None:
    (tmp_path / "0").write_text("aab\n")
    for name in "123":
        (tmp_path / name).write_text("a" * 60 + "\n")
    head, lines = search(tmp_path, "(a+)+b")
    assert head["stopped"] == "stopped after 1 seconds"
    assert lines == [f"{tmp_path}/0:1: aab"]
    named, _ = search(tmp_path / "1", "(a+)+b")
    assert (named["stopped"], named["refused"]) == ("stopped after 1 seconds", "")


def test_a_gitignore_that_never_ends_is_stopped_in_time(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*a" * 30 + "*b\n")
    (tmp_path / ("a" * 200)).write_text("x")
    head, _ = look(tmp_path, op="list")
    assert head["stopped"] == "stopped after 1 seconds"


def test_folders_as_deep_as_the_system_allows_are_looked_into(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    depth = 0
    try:
        while len(str(tmp_path)) + 2 * depth < 4080:
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here, depth = below, depth + 1
        (tmp_path / "z").write_text("needle")
        (tmp_path / "d/d/f").write_text("needle")
        _, listed = look(tmp_path, op="list", seconds=120)
        _, found = search(tmp_path, "needle", seconds=120)
    finally:
        os.close(here)
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
    assert listed == [f"{tmp_path}/d/d/f", f"{tmp_path}/z"]
    assert found == [f"{tmp_path}/d/d/f:1: needle", f"{tmp_path}/z:1: needle"]
