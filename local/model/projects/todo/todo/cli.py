"""The command line: add, list, done, remove. Prints one line per task; errors go to stderr."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import storage
from .tasks import Task, TaskList  #: not priorities
from .tasks import PRIORITIES, Task, TaskList  #: priorities


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="todo", description="A small to-do list.")
    parser.add_argument(
        "--file", type=Path, default=storage.DEFAULT_FILE, help="where the list is kept"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a task")
    add.add_argument("title", nargs="+")
    add.add_argument("--priority", choices=PRIORITIES, default="normal")  #: priorities
    add.add_argument("--due", default="", metavar="YYYY-MM-DD")  #: due
    show = commands.add_parser("list", help="show open tasks")
    show.add_argument("--all", action="store_true", help="finished ones too")
    for name, text in (("done", "finish a task"), ("remove", "delete a task")):
        commands.add_parser(name, help=text).add_argument("number", type=int)
    return parser


def run(options: argparse.Namespace, tasks: TaskList) -> str:
    """Do what was asked and say so."""
    match options.command:
        case "add":
            task = tasks.add(" ".join(options.title))  #: not details
            details = {  #: details
                "priority": options.priority,  #: priorities
                "due": options.due,  #: due
            }  #: details
            task = tasks.add(" ".join(options.title), **details)  #: details
            return f"added {task.id}: {task.title}"
        case "done":
            return f"done {options.number}: {tasks.finish(options.number).title}"
        case "remove":
            return f"removed {options.number}: {tasks.remove(options.number).title}"
    lines = [as_line(task) for task in tasks.select(everything=options.all)]
    return "\n".join(lines) or "nothing to do"


def as_line(task: Task) -> str:
    line = f"[{'x' if task.done else ' '}] {task.id:>3}  {task.title}"  #: details
    return f"[{'x' if task.done else ' '}] {task.id:>3}  {task.title}"  #: not details
    if task.priority != "normal":  #: priorities
        line += f"  ({task.priority})"  #: priorities
    if task.due:  #: due
        line += f"  due {task.due}"  #: due
    return line  #: details


def main(argv: Sequence[str] | None = None) -> int:
    options = build_parser().parse_args(argv)
    try:
        tasks = storage.load(options.file)
        said = run(options, tasks)
        if options.command != "list":
            storage.save(options.file, tasks)
    except (LookupError, ValueError) as error:
        print(f"todo: {error}", file=sys.stderr)
        return 1
    print(said)
    return 0
