"""The main demo: a to-do list for the command line, with tests, and changes of mind on the way.

The code starts with an honest bug (numbers are given twice after a removal); the test that finds it
is part of the script, and so is the repair. `todo_plan.py` decides which of these steps are done.
"""

from local.model.reply import Call
from local.model.scenarios.todo_plan import features, ready
from local.model.script import (
    Script,
    Work,
    edit,
    finish,
    look,
    search,
    shell,
    step,
    stuck,
    turn,
    write,
)
from local.model.sources import source

TESTS = "python3 -m unittest -q"
TRY = "python3 -m todo add Buy milk && python3 -m todo list"
GITIGNORE = "__pycache__/\n*.pyc\ntasks.json\ntasks.db\n"
BUG = "        return len(self.tasks) + 1\n"
IDENTITY = "git config user.name Threadwright && git config user.email demo@example.invalid"
REPAIR = "        return max((task.id for task in self.tasks), default=0) + 1\n"
README, TIDY = 1, 3


def file(work: Work, path: str) -> Call:
    """Write one file of the project as it is with the features built so far."""
    built = features(work)
    stored = "todo/storage_sqlite.py" if "sqlite" in built else "todo/storage.py"
    return write(path, source("todo", stored if path == "todo/storage.py" else path, built))


CODE = ["todo/tasks.py", "todo/storage.py", "todo/cli.py"]
FRAME = ["todo/__init__.py", "todo/__main__.py", "tests/__init__.py"]
BASE_TESTS = ["tests/test_tasks.py", "tests/test_cli.py"]


@step(
    "todo.skeleton",
    "Lay out the package",
    "Make the package `todo`, a folder for tests and a .gitignore.",
    "the folders exist and python3 compiles them",
)
def skeleton(work: Work) -> Script:
    check = "python3 -m compileall -q todo tests && ls todo tests"
    seen = yield turn(
        write(".gitignore", GITIGNORE),
        *(file(work, path) for path in FRAME),
        shell(check),
        think="An empty project: a small package, its tests beside it, nothing to install.",
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    summary = (
        "Package `todo` and folder `tests` are laid out; `python3 -m todo` will call todo.cli."
    )
    yield turn(finish(summary, [".gitignore", *FRAME], [check]))


def _write_commands(work: Work, kept_in: str) -> Script:
    flawed = source("todo", "todo/tasks.py", features(work)).replace(REPAIR, BUG)
    yield turn(
        write("todo/tasks.py", flawed),
        file(work, "todo/storage.py"),
        think=f"The list itself first, then how it is kept: in {kept_in}.",
    )
    seen = yield turn(
        file(work, "todo/cli.py"),
        shell(TRY),
        think="Now the command line on top, and a first try by hand.",
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    summary = f"add, list, done and remove work; the list is kept in {kept_in}. No tests yet."
    yield turn(finish(summary, CODE, [TRY]))


@step(
    "todo.commands",
    "Add the commands, kept in a JSON file",
    "Write add, list, done and remove on top of a task list kept in a JSON file.",
    "adding and listing a task works",
)
def commands(work: Work) -> Script:
    yield from _write_commands(work, "a JSON file")


@step(
    "todo.commands_sqlite",
    "Add the commands, kept in SQLite",
    "Write add, list, done and remove on top of a task list kept in a SQLite file.",
    "adding and listing a task works",
)
def commands_sqlite(work: Work) -> Script:
    yield from _write_commands(work, "a SQLite file")


@step(
    "todo.tests",
    "Test every command",
    "Write unit tests for the list and the command line, run them, repair what they find.",
    "python3 -m unittest passes, and a short soak run too",
)
def tests(work: Work) -> Script:
    soak = "python3 soak.py --seconds 3"
    seen = yield turn(
        *(file(work, path) for path in BASE_TESTS),
        shell(TESTS),
        think="Tests for the rules people rely on: numbers stay unique, nothing is lost.",
    )
    found = "All tests passed at once."
    if not seen.last.passed:
        yield turn(
            search("_next_id"),
            think="A test fails: after a removal a number is given twice. Where do they come from?",
        )
        seen = yield turn(
            edit("todo/tasks.py", BUG, REPAIR),
            shell(TESTS),
            think="The length of the list is no number to go by; the highest one in use is.",
        )
        found = "The tests found that numbers were given twice after a removal; that is repaired."
    if not seen.last.passed:
        yield stuck(seen.last)
    seen = yield turn(
        file(work, "soak.py"), shell(soak), think="A few seconds of random use, to be sure."
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    files = [*BASE_TESTS, "soak.py", "todo/tasks.py"]
    yield turn(finish(f"{found} A short soak run passed as well.", files, [TESTS, soak]))


def _build(work: Work, paths: list[str], think: str, summary: str) -> Script:
    """Write whole files and run all tests: safe to do again after an interrupt."""
    seen = yield turn(look(), think=think)
    if "todo/__init__.py" not in seen.last:
        rest = [p for p in [*FRAME, *CODE, *BASE_TESTS, "soak.py"] if p not in paths]
        yield turn(*(file(work, path) for path in rest), think="The project is gone: once more.")
    seen = yield turn(*(file(work, path) for path in paths), shell(TESTS))
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish(summary, paths, [TESTS]))


@step(
    "todo.sqlite",
    "Move the list from JSON to SQLite",
    "Replace the JSON file by a SQLite file with one row per task; test that it holds.",
    "all tests pass on SQLite",
)
def sqlite(work: Work) -> Script:
    yield from _build(
        work,
        ["todo/storage.py", "tests/test_sqlite.py"],
        "Only storage.py knows where the list is kept, so only it changes.",
        "The list is kept in tasks.db (SQLite, one row per task); the commands are the same.",
    )


@step(
    "todo.priorities",
    "Add priorities",
    "Give tasks a priority (low, normal, high), list urgent ones first, test it.",
    "tests for priorities and all others pass",
)
def priorities(work: Work) -> Script:
    yield from _build(
        work,
        ["todo/tasks.py", "todo/cli.py", "tests/test_priorities.py"],
        "A field on the task, an option on `add`, and an order for `list`.",
        "`add --priority high` works and urgent tasks are listed first.",
    )


@step(
    "todo.due",
    "Add due dates",
    "Give tasks an optional due date, show it in the list, refuse what is no date, test it.",
    "tests for due dates and all others pass",
)
def due(work: Work) -> Script:
    yield from _build(
        work,
        ["todo/tasks.py", "todo/cli.py", "tests/test_due.py"],
        "An optional ISO date on the task, an option on `add`.",
        "`add --due 2026-12-01` works and the date is shown in the list; other texts are refused.",
    )


def _soak(work: Work, seconds: int) -> Script:
    command = f"python3 soak.py --seconds {seconds}"
    seen = yield turn(
        file(work, "soak.py"),
        shell(command, timeout_s=seconds + 60),
        think=f"{seconds} seconds of random use, with every rule checked after each action.",
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish(seen.last.said.strip().splitlines()[-1], ["soak.py"], [command]))


@step(
    "todo.soak",
    "Soak test it for half a minute",
    "Use the list at random for 30 seconds and check its rules after every action.",
    "soak.py ends with 'soak passed'",
)
def soak(work: Work) -> Script:
    yield from _soak(work, 30)


@step(
    "todo.soak_again",
    "Soak test the new version",
    "Use the changed list at random for 5 seconds and check its rules after every action.",
    "soak.py ends with 'soak passed'",
)
def soak_again(work: Work) -> Script:
    yield from _soak(work, 5)


@step(
    "todo.readme",
    "Write the README",
    "Say what it is, how to use every command, where the list is kept, how to test.",
    "README.md shows commands that work",
    rank=README,
)
def readme(work: Work) -> Script:
    usage = "python3 -m todo --help"
    seen = yield turn(
        file(work, "README.md"),
        shell(usage),
        think="What the README promises must be what it does.",
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish("README.md shows every command and how to test.", ["README.md"], [usage]))


@step(
    "todo.tidy",
    "Tidy the work tree",
    "Commit the project and remove files that git ignores (caches, the list of the try-out).",
    "git status is clean and all tests pass",
    rank=TIDY,
)
def tidy(work: Work) -> Script:
    seen = yield turn(shell("git --version"))
    if not seen.last.passed:
        seen = yield turn(shell("rm -rf todo/__pycache__ tests/__pycache__"), shell(TESTS))
        how = "git is not installed here, so only caches were removed."
    else:
        yield turn(
            shell("git init -q -b main && git add -A"),
            shell(IDENTITY),
            shell("git diff --cached --quiet || git commit -q -m 'To-do list with tests'"),
            shell("git status --short --ignored"),
            think="Commit first. Removing the ignored files that are left needs somebody's yes.",
        )
        seen = yield turn(shell("git clean -fdX"))
        how = "Committed, and left without caches."
        if seen.last.denied:
            how = "Committed; removing the ignored files was not approved, so they stay."
        seen = yield turn(shell(TESTS))
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish(f"{ready(work)} {how} All tests pass.", [], [TESTS]))
