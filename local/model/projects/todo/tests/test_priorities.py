import unittest

from todo.cli import as_line
from todo.tasks import TaskList


class PriorityTest(unittest.TestCase):
    def test_urgent_tasks_come_first(self) -> None:
        tasks = TaskList()
        tasks.add("tidy the desk", priority="low")
        tasks.add("buy milk")
        tasks.add("pay the rent", priority="high")
        titles = [task.title for task in tasks.select()]
        self.assertEqual(titles, ["pay the rent", "buy milk", "tidy the desk"])

    def test_only_unusual_priorities_are_shown(self) -> None:
        tasks = TaskList()
        self.assertEqual(as_line(tasks.add("pay", priority="high")), "[ ]   1  pay  (high)")
        self.assertEqual(as_line(tasks.add("buy milk")), "[ ]   2  buy milk")

    def test_an_unknown_priority_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "low, normal, high"):
            TaskList().add("pay the rent", priority="now!")


if __name__ == "__main__":
    unittest.main()
