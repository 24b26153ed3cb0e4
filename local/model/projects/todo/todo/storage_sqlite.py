"""Keeps the list in a SQLite file, one row per task. A save is one transaction."""

import sqlite3
from contextlib import closing
from dataclasses import astuple, fields
from pathlib import Path

from .tasks import Task, TaskList

DEFAULT_FILE = Path("tasks.db")
COLUMNS = [field.name for field in fields(Task)]


def load(path: Path) -> TaskList:
    """The saved list; an empty one when there is no file yet. Raises ValueError."""
    if not path.exists():
        return TaskList()
    try:
        with closing(_connect(path)) as db:
            found = db.execute(f"SELECT {', '.join(COLUMNS)} FROM tasks ORDER BY id").fetchall()
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{path} is not a to-do list: {error}") from error
    rows = [dict(zip(COLUMNS, values, strict=True)) for values in found]
    return TaskList([Task(**{**row, "done": bool(row["done"])}) for row in rows])


def save(path: Path, tasks: TaskList) -> None:
    places = ", ".join("?" for _ in COLUMNS)
    with closing(_connect(path)) as db, db:
        db.execute("DELETE FROM tasks")
        db.executemany(
            f"INSERT INTO tasks ({', '.join(COLUMNS)}) VALUES ({places})",
            map(astuple, tasks.tasks),
        )


def _connect(path: Path) -> sqlite3.Connection:
    """The database, with a column for every field; older files get the columns they lack."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE IF NOT EXISTS tasks (id INTEGER PRIMARY KEY)")
    present = {row[1] for row in db.execute("PRAGMA table_info(tasks)")}
    for field in fields(Task):
        if field.name not in present:
            default = f" DEFAULT {field.default!r}" if isinstance(field.default, str) else ""
            db.execute(f"ALTER TABLE tasks ADD COLUMN {field.name}{default}")
    return db
