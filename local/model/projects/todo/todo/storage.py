"""Keeps the list in a JSON file. The file is replaced as a whole, so it is never half written."""

import json
import os
from dataclasses import asdict
from pathlib import Path

from .tasks import Task, TaskList

DEFAULT_FILE = Path("tasks.json")


def load(path: Path) -> TaskList:
    """The saved list; an empty one when there is no file yet. Raises ValueError."""
    if not path.exists():
        return TaskList()
    try:
        rows = json.loads(path.read_text("utf-8"))
        return TaskList([Task(**row) for row in rows])
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is not a to-do list: {error}") from error


def save(path: Path, tasks: TaskList) -> None:
    text = json.dumps([asdict(task) for task in tasks.tasks], indent=2)
    draft = path.with_name(path.name + ".new")
    draft.write_text(text + "\n", "utf-8")
    os.replace(draft, path)
