"""Owns what the scripted model answers in the storm: it repeats which messages it was given.

A message that says `work` becomes a step with one quick command, one that says `publish` a step
whose command waits for people; all others are answered at once, without a sandbox.
"""

import json
import re
from collections import defaultdict
from typing import Any

from local.model import conversation
from local.model.conversation import Conversation
from local.model.reply import Reply, say
from local.model.script import Script, Work, finish, next_turn, shell, step, turn

_TOKEN = re.compile(r"\bt\d+m\d+(?:e\d+)?\b")
_NAMED = re.compile(r"“[^”]*”")
"""A message that a correction speaks of is not given a second time."""
_KINDS = {"work": "faults.note", "publish": "faults.publish"}
_SECTIONS = ("Messages", "New messages")


def tokens(text: str) -> list[str]:
    """The marks of messages in a text, in order; each message of a person carries one."""
    return _TOKEN.findall(text)


class Scribe:
    """The scenario, and what each task was given to read."""

    def __init__(self) -> None:
        self.given: defaultdict[str, set[str]] = defaultdict(set)
        """Marks by the key of the prompt cache; a planner's is its task's, hashed."""
        self.told: set[str] = set()
        """All marks: a late message may come in time for a step, though not for the plan."""
        self.disordered: list[tuple[str, list[str]]] = []
        """Task and messages of a request that were not in the order they were written in."""

    def scenario(self, request: dict[str, Any]) -> Reply:
        said = conversation.read(request)
        task = str(request.get("prompt_cache_key"))
        for section in _SECTIONS:
            marks = tokens(_NAMED.sub("", said.sections.get(section, "")))
            self.given[task].update(marks)
            self.told.update(marks)
            if _written(marks) != sorted(_written(marks)):
                self.disordered.append((task, marks))
        return _plan(said) if said.role == "planner" else next_turn(said)


def _written(marks: list[str]) -> list[int]:
    """Numbers of the messages that are no changes of earlier ones."""
    return [int(mark.partition("m")[2]) for mark in marks if "e" not in mark]


def _plan(said: Conversation) -> Reply:
    news = said.news if said.rows else said.messages
    taken = {row.id for row in said.rows}
    wanted = [kind for text in news for word, kind in _KINDS.items() if f" {word} " in text]
    kept = [
        {"id": row.id, "title": row.title, "detail": row.detail or row.title, "done_when": "done"}
        for row in said.rows
        if row.status not in ("complete", "dropped")
    ]
    added = [
        {"id": f"{kind}.{len(taken) + n}", "title": "Do it", "detail": "Do.", "done_when": "done"}
        for n, kind in enumerate(dict.fromkeys(wanted), 1)
    ]
    steps = [*kept, *added]
    plan = {"goal": _read(said), "assumptions": [], "answer": "", "steps": steps}
    return say(json.dumps(plan if steps else {**plan, "answer": _read(said)}))


def _read(said: Conversation) -> str:
    return f"Read: {' '.join(tokens(' '.join(said.messages)))}"


@step("faults.note", "Do it", "Do.", "done")
def note(work: Work) -> Script:
    seen = yield turn(shell(f"echo {work.current} >> notes.txt && sleep 0.2 && wc -l notes.txt"))
    yield turn(finish(f"{_read(work)}\n{seen.last.said.strip()}", ["notes.txt"]))


@step("faults.publish", "Do it", "Do.", "done")
def publish(work: Work) -> Script:
    seen = yield turn(shell("git push origin main"))
    yield turn(finish(f"{_read(work)}\n{seen.last.error or 'It ran.'}"))
