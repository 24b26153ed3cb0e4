"""Works the list at random for a while and checks what must always hold.

    python3 soak.py --seconds 30
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from todo import storage
from todo.tasks import TaskList


def numbers(tasks: TaskList) -> list[int]:
    return [task.id for task in tasks.tasks]


def act(tasks: TaskList, dice: random.Random) -> None:
    """One random thing a person could do."""
    choice = dice.choice(["add", "add", "finish", "remove"])
    if choice == "add" or not tasks.tasks:
        tasks.add(f"task {dice.randrange(1000)}")
    elif choice == "finish":
        tasks.finish(dice.choice(numbers(tasks)))
    elif len(tasks.tasks) > 20 or dice.random() < 0.3:
        tasks.remove(dice.choice(numbers(tasks)))


def check(tasks: TaskList, path: Path) -> None:
    given = numbers(tasks)
    assert len(given) == len(set(given)), "a number was given twice"
    assert storage.load(path) == tasks, "what was saved is not what was loaded"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice, tasks, rounds = random.Random(options.seed), TaskList(), 0
    started = told = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / storage.DEFAULT_FILE
        while time.monotonic() - started < options.seconds:
            act(tasks, dice)
            storage.save(path, tasks)
            check(tasks, path)
            rounds += 1
            time.sleep(0.005)  # leave the machine to others
            if time.monotonic() - told >= 2:
                told = time.monotonic()
                seconds = told - started
                print(f"{seconds:4.0f} s  {rounds} rounds, {len(tasks.tasks)} tasks", flush=True)
    print(f"soak passed: {rounds} rounds in {options.seconds:g} s")


if __name__ == "__main__":
    main()
