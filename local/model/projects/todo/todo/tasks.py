"""The list itself: tasks, and what can be done with them. Knows nothing of files or terminals."""

from dataclasses import dataclass, field
from datetime import date  #: due
  #: priorities
PRIORITIES = ("low", "normal", "high")  #: priorities


class NoSuchTask(LookupError):
    def __init__(self, number: int) -> None:
        super().__init__(f"there is no task {number}")


@dataclass
class Task:
    id: int
    title: str
    done: bool = False
    priority: str = "normal"  #: priorities
    # An ISO date; empty when there is none.  #: due
    due: str = ""  #: due

    def __post_init__(self) -> None:
        self.title = self.title.strip()
        if not self.title:
            raise ValueError("a task needs a title")
        if self.priority not in PRIORITIES:  #: priorities
            raise ValueError(f"priority must be one of {', '.join(PRIORITIES)}")  #: priorities
        if self.due:  #: due
            date.fromisoformat(self.due)  #: due


@dataclass
class TaskList:
    tasks: list[Task] = field(default_factory=list)

    def add(self, title: str) -> Task:  #: not details
        task = Task(self._next_id(), title)  #: not details
    def add(self, title: str, **details: str) -> Task:  #: details
        """Details are the optional fields of a task, by name."""  #: details
        task = Task(self._next_id(), title, **details)  #: details
        self.tasks.append(task)
        return task

    def finish(self, number: int) -> Task:
        task = self._find(number)
        task.done = True
        return task

    def remove(self, number: int) -> Task:
        task = self._find(number)
        self.tasks.remove(task)
        return task

    def select(self, everything: bool = False) -> list[Task]:
        """Open tasks, or all of them."""  #: not priorities
        """Open tasks, or all of them; urgent ones first."""  #: priorities
        chosen = [task for task in self.tasks if everything or not task.done]
        chosen.sort(key=lambda task: -PRIORITIES.index(task.priority))  #: priorities
        return chosen

    def _find(self, number: int) -> Task:
        for task in self.tasks:
            if task.id == number:
                return task
        raise NoSuchTask(number)

    def _next_id(self) -> int:
        return max((task.id for task in self.tasks), default=0) + 1
