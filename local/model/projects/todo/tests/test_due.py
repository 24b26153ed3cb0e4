import unittest

from todo.cli import as_line
from todo.tasks import TaskList


class DueTest(unittest.TestCase):
    def test_a_due_date_is_shown(self) -> None:
        task = TaskList().add("pay the rent", due="2026-12-01")
        self.assertEqual(as_line(task), "[ ]   1  pay the rent  due 2026-12-01")

    def test_a_task_needs_no_due_date(self) -> None:
        self.assertEqual(as_line(TaskList().add("buy milk")), "[ ]   1  buy milk")

    def test_a_wrong_date_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "tomorrow-ish"):
            TaskList().add("pay the rent", due="tomorrow-ish")


if __name__ == "__main__":
    unittest.main()
