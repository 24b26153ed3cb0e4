"""Owns what one evaluation is: a request, what the project begins with, and its hidden check."""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

TASKS = Path(__file__).with_name("tasks")


@dataclass(frozen=True)
class Case:
    name: str
    request: str
    check: str
    """Command that must exit with 0 in the finished project, beside the hidden files."""
    start: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)
    solution: dict[str, str] = field(default_factory=dict)
    """Files that the scripted model writes."""
    run: str = ""
    """Command that the scripted model runs then."""
    answer: str = ""
    """What the scripted model answers where nothing is to be changed."""


def own() -> list[Case]:
    """The tasks of this folder: `task.toml`, and files below `start`, `hidden` and `solution`."""
    return [_read(folder) for folder in sorted(TASKS.iterdir()) if (folder / "task.toml").exists()]


def _read(folder: Path) -> Case:
    told = tomllib.loads((folder / "task.toml").read_text("utf-8"))
    return Case(
        name=folder.name,
        start=_files(folder / "start"),
        hidden=_files(folder / "hidden"),
        solution=_files(folder / "solution"),
        **told,
    )


def _files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
