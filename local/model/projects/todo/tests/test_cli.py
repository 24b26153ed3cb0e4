import contextlib
import io
import tempfile
import unittest
from pathlib import Path

from todo.cli import main


class CommandLineTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "tasks"

    def todo(self, *words: str) -> tuple[int, str]:
        """Exit code and everything printed."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = main(["--file", str(self.file), *words])
        return code, said.getvalue().strip()

    def test_what_is_added_is_still_there_next_time(self) -> None:
        self.assertEqual(self.todo("add", "buy", "milk"), (0, "added 1: buy milk"))
        self.assertEqual(self.todo("list"), (0, "[ ]   1  buy milk"))

    def test_done_tasks_show_only_with_all(self) -> None:
        self.todo("add", "buy milk")
        self.todo("done", "1")
        self.assertEqual(self.todo("list"), (0, "nothing to do"))
        self.assertEqual(self.todo("list", "--all"), (0, "[x]   1  buy milk"))

    def test_a_mistake_is_one_clear_line(self) -> None:
        self.assertEqual(self.todo("remove", "7"), (1, "todo: there is no task 7"))

    def test_a_damaged_file_is_told_and_left_alone(self) -> None:
        self.file.write_text("{ this is no list }")
        code, said = self.todo("add", "buy milk")
        self.assertEqual(code, 1)
        self.assertIn("is not a to-do list", said)
        self.assertEqual(self.file.read_text(), "{ this is no list }")


if __name__ == "__main__":
    unittest.main()
