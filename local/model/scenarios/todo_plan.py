"""How the to-do demo is planned: what people may wish for, and what a change of mind does.

The steps themselves are in `todo.py`.
"""

import re

from local.model.conversation import Conversation, Row
from local.model.script import Change, kind_of

WISHES = {
    "priorities": re.compile(r"priorit", re.IGNORECASE),
    "due": re.compile(r"\bdue\b|deadline", re.IGNORECASE),
    "sqlite": re.compile(r"sqlite|database", re.IGNORECASE),
    "soak": re.compile(r"\bsoak|\bslow", re.IGNORECASE),
}
_BUILT_BY = {
    "todo.priorities": "priorities",
    "todo.due": "due",
    "todo.sqlite": "sqlite",
    "todo.commands_sqlite": "sqlite",
}
_REFUSED = re.compile(r"^\s*no\b|\bkeep (the )?caches\b", re.IGNORECASE | re.MULTILINE)
_TOPIC = re.compile(r"\bto-?do\b|\btask list\b", re.IGNORECASE)


def wanted(text: str) -> bool:
    return bool(_TOPIC.search(text))


def wishes(text: str) -> set[str]:
    return {name for name, words in WISHES.items() if words.search(text)}


def goal(text: str) -> str:
    extras = {"priorities": "priorities", "due": "due dates", "sqlite": "SQLite storage"}
    chosen = [words for name, words in extras.items() if name in wishes(text)]
    more = f" ({', '.join(chosen)})" if chosen else ""
    return f"A to-do list for the command line{more}, with passing tests"


def first_plan(text: str) -> list[str]:
    wish = wishes(text)
    commands = "todo.commands_sqlite" if "sqlite" in wish else "todo.commands"
    extra = [f"todo.{name}" for name in ("priorities", "due", "soak") if name in wish]
    return ["todo.skeleton", commands, "todo.tests", *extra, "todo.readme", "todo.tidy"]


def follow_up(text: str) -> list[str]:
    """Work on the finished project of an earlier task."""
    steps = [f"todo.{name}" for name in ("sqlite", "priorities", "due", "soak")]
    return [s for s in steps if s.removeprefix("todo.") in wishes(text)] + ["todo.readme"]


def change(rows: list[Row], text: str) -> Change:
    """What a change of mind does to the plan."""
    ahead = {kind_of(row.id): row.id for row in rows if row.status not in ("complete", "dropped")}
    present = {_BUILT_BY.get(kind_of(row.id)) for row in rows if row.status != "dropped"}
    new = [name for name in ("sqlite", "priorities", "due") if name in wishes(text) - present]
    result = Change()
    for name in new:
        if name == "sqlite" and "todo.commands" in ahead:
            result.replaced[ahead["todo.commands"]] = "todo.commands_sqlite"
        else:
            result.added.append(f"todo.{name}")
    if new and "todo.soak" in ahead:
        result.dropped.add(ahead["todo.soak"])
        result.added.append("todo.soak_again")
    elif "soak" in wishes(text) and "todo.soak" not in ahead:
        result.added.append("todo.soak")
    if new and "todo.readme" not in ahead:
        result.added.append("todo.readme")
    if _REFUSED.search(text) and "todo.tidy" in ahead:
        result.dropped.add(ahead["todo.tidy"])
    return result


def features(work: Conversation) -> frozenset[str]:
    """What the project has once the current step is done."""
    built = {
        _BUILT_BY[kind]
        for row in work.rows
        if (row.status == "complete" or row.id == work.current)
        and (kind := kind_of(row.id)) in _BUILT_BY
    }
    built |= wishes("\n".join(work.asked_before)) - {"soak"}
    if built & {"priorities", "due"}:
        built.add("details")
    return frozenset(built)


def ready(work: Conversation) -> str:
    """What there is at the end, in one sentence."""
    built = features(work)
    place = "a SQLite file" if "sqlite" in built else "a JSON file"
    extras = {"priorities": "priorities", "due": "due dates"}
    more = [words for name, words in extras.items() if name in built]
    using = f", with {' and '.join(more)}" if more else ""
    return f"The to-do list is ready: add, list, done and remove{using}, kept in {place}."
