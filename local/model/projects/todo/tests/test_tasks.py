import unittest

from todo.tasks import NoSuchTask, TaskList


class TaskListTest(unittest.TestCase):
    def setUp(self) -> None:
        self.tasks = TaskList()
        for title in ("buy milk", "call Sam", "water the plants"):
            self.tasks.add(title)

    def test_new_tasks_are_open_and_numbered(self) -> None:
        self.assertEqual([task.id for task in self.tasks.select()], [1, 2, 3])
        self.assertFalse(self.tasks.tasks[0].done)

    def test_finished_tasks_leave_the_list_but_not_the_record(self) -> None:
        self.tasks.finish(2)
        self.assertEqual([task.id for task in self.tasks.select()], [1, 3])
        self.assertEqual(len(self.tasks.select(everything=True)), 3)

    def test_numbers_stay_unique_after_a_removal(self) -> None:
        self.tasks.remove(1)
        added = self.tasks.add("write to Ana")
        numbers = [task.id for task in self.tasks.tasks]
        self.assertEqual(len(numbers), len(set(numbers)), f"{added.id} was given twice")

    def test_an_unknown_number_is_told(self) -> None:
        with self.assertRaisesRegex(NoSuchTask, "there is no task 9"):
            self.tasks.finish(9)

    def test_a_task_needs_a_title(self) -> None:
        with self.assertRaises(ValueError):
            self.tasks.add("   ")


if __name__ == "__main__":
    unittest.main()
