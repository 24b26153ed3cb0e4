import sqlite3
import tempfile
import unittest
from contextlib import closing
from pathlib import Path

from todo import storage
from todo.tasks import TaskList


class SqliteTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "tasks.db"

    def test_the_file_is_a_database_with_one_row_per_task(self) -> None:
        tasks = TaskList()
        tasks.add("buy milk")
        tasks.add("call Sam")
        tasks.finish(2)
        storage.save(self.file, tasks)
        with closing(sqlite3.connect(self.file)) as db:
            rows = db.execute("SELECT id, title, done FROM tasks ORDER BY id").fetchall()
        self.assertEqual(rows, [(1, "buy milk", 0), (2, "call Sam", 1)])
        self.assertEqual(storage.load(self.file), tasks)

    def test_a_file_from_before_a_field_existed_still_loads(self) -> None:
        with closing(sqlite3.connect(self.file)) as db, db:
            db.execute("CREATE TABLE tasks (id INTEGER PRIMARY KEY, title TEXT, done INTEGER)")
            db.execute("INSERT INTO tasks VALUES (1, 'buy milk', 0)")
        self.assertEqual(storage.load(self.file).tasks[0].title, "buy milk")


if __name__ == "__main__":
    unittest.main()
