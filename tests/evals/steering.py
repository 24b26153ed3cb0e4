"""Owns thirty threads in which people steer the work while it runs, and how they are judged.

What counts is the tree at the end, and that stopped work writes nothing more: each command of the
scripted model leaves a mark every few milliseconds, so the times of two commands must not overlap.
"""

import json
import re
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from agent import protocol as p
from local.model import Reply, call, conversation, say
from tests.evals.house import ANA, BEN, Thread
from tests.evals.projects import Checked
from tests.evals.scores import Score

FIRST = "Create alpha.txt and beta.txt, each holding its own name."
THREE = "Create alpha.txt, beta.txt and gamma.txt, each holding its own name."
MARKS = ".marks"
_FILE = re.compile(r"\b(\w+)\.txt\b")
_AWAY = re.compile(r"\b(?:without|drop|delete|not|forget|instead of)\b", re.IGNORECASE)
_BACK = re.compile(r"\b(?:but|also|and create|add|take)\b", re.IGNORECASE)

Act = tuple[Literal["ana", "ben", "edit", "stop", "busy", "idle"], str]


@dataclass(frozen=True)
class Steered:
    name: str
    acts: tuple[Act, ...]
    wanted: frozenset[str]
    """Files that must be there at the end, and no other."""
    allowed: frozenset[str] = frozenset()
    """Files that may be there."""


def _t(name: str, acts: list[Act], wanted: str, allowed: str = "") -> Steered:
    return Steered(name, tuple(acts), frozenset(wanted.split()), frozenset(allowed.split()))


def threads() -> list[Steered]:
    at_alpha: list[Act] = [("ana", FIRST), ("busy", "alpha")]
    at_beta: list[Act] = [("ana", FIRST), ("busy", "beta")]
    return [
        _t("undisturbed", [("ana", FIRST)], "alpha beta"),
        _t("add early", [*at_alpha, ("ana", "Also gamma.txt.")], "alpha beta gamma"),
        _t("add late", [*at_beta, ("ana", "Also gamma.txt.")], "alpha beta gamma"),
        _t("add two", [*at_alpha, ("ana", "Also gamma.txt and delta.txt.")],
           "alpha beta gamma delta"),
        _t("add twice", [*at_alpha, ("ana", "Also gamma.txt."), ("busy", "beta"),
                         ("ana", "Also delta.txt.")], "alpha beta gamma delta"),
        _t("add when done", [("ana", FIRST), ("idle", ""), ("ana", "Also gamma.txt.")],
           "alpha beta gamma"),
        _t("revise what runs", [*at_alpha, ("ana", "Take gamma.txt instead of alpha.txt.")],
           "beta gamma"),
        _t("revise what is next", [*at_alpha, ("ana", "Take gamma.txt instead of beta.txt.")],
           "alpha gamma"),
        _t("revise what is done", [*at_beta, ("ana", "Take gamma.txt instead of alpha.txt.")],
           "beta gamma"),
        _t("revise twice", [*at_alpha, ("ana", "Take gamma.txt instead of beta.txt."),
                            ("busy", "gamma"), ("ana", "Take delta.txt instead of gamma.txt.")],
           "alpha delta"),
        _t("revise and back", [*at_alpha, ("ana", "Take gamma.txt instead of beta.txt."),
                               ("busy", "gamma"), ("ana", "Take beta.txt instead of gamma.txt.")],
           "alpha beta"),
        _t("retract what runs", [*at_alpha, ("ana", "Drop alpha.txt.")], "beta"),
        _t("retract what is next", [*at_alpha, ("ana", "Drop beta.txt.")], "alpha"),
        _t("retract what is done", [*at_beta, ("ana", "Drop alpha.txt.")], "beta"),
        _t("retract the middle", [("ana", THREE), ("busy", "alpha"), ("ana", "Without beta.txt.")],
           "alpha gamma"),
        _t("retract when done", [("ana", FIRST), ("idle", ""), ("ana", "Drop beta.txt.")], "alpha"),
        _t("retract and add", [*at_alpha, ("ana", "Drop beta.txt, but also gamma.txt.")],
           "alpha gamma"),
        _t("stop early", [*at_alpha, ("stop", "")], "", "alpha"),
        _t("stop late", [*at_beta, ("stop", "")], "alpha", "beta"),
        _t("stop and go on", [*at_alpha, ("stop", ""), ("idle", ""), ("ana", FIRST)], "alpha beta"),
        _t("stop after a change", [*at_alpha, ("ana", "Also gamma.txt."), ("busy", "beta"),
                                   ("stop", "")], "alpha", "beta"),
        _t("two people add", [*at_alpha, ("ana", "Also gamma.txt."), ("ben", "Also delta.txt.")],
           "alpha beta gamma delta"),
        _t("the second person corrects",
           [*at_alpha, ("ben", "Take gamma.txt instead of beta.txt.")], "alpha gamma"),
        _t("two people disagree, the later wins",
           [*at_alpha, ("ana", "Drop beta.txt."), ("ben", "Also beta.txt.")], "alpha beta"),
        _t("the second person retracts late", [*at_beta, ("ben", "Drop beta.txt.")], "alpha"),
        _t("edit what runs", [*at_alpha, ("edit", "Create gamma.txt and beta.txt.")], "beta gamma"),
        _t("edit to more", [*at_alpha, ("edit", THREE)], "alpha beta gamma"),
        _t("edit to less", [*at_beta, ("edit", "Create beta.txt.")], "beta"),
        _t("quick succession", [*at_alpha, ("ana", "Also gamma.txt."), ("ana", "Also delta.txt."),
                                ("ana", "Drop gamma.txt.")], "alpha beta delta"),
        _t("quick succession of two", [("ana", FIRST), ("ben", "Also gamma.txt."),
                                       ("ana", "Drop alpha.txt.")], "beta gamma"),
    ]  # fmt: skip


def judging(steered: Steered) -> Callable[[Thread], Coroutine[Any, Any, Score]]:
    async def judge(thread: Thread) -> Score:
        began = time.monotonic()
        first = ""
        for kind, text in steered.acts:
            if kind == "edit":
                await thread.edit(first, text)
            elif kind == "stop":
                await thread.stop()
            elif kind == "busy":
                await thread.until_busy(text)
            elif kind == "idle":
                await thread.until_idle()
            else:
                ts = await thread.say(text, ANA if kind == "ana" else BEN)
                first = first or ts
        results = await thread.until_idle()
        checked = await thread.check({}, "")
        return _scored(steered, results, checked, time.monotonic() - began)

    return judge


def _scored(
    steered: Steered, results: list[p.ResultBody], checked: Checked, seconds: float
) -> Score:
    there = {path.removesuffix(".txt") for path in checked.files.texts if path.endswith(".txt")}
    missing, more = steered.wanted - there, there - steered.wanted - steered.allowed
    wrong = {
        name for name in there if name not in checked.files.texts[f"{name}.txt"].lower()
    } - steered.allowed
    costs = [result.usage.cost_usd for result in results]
    return Score(
        suite="steering",
        name=steered.name,
        passed=not (missing or more or wrong),
        outcome=results[-1].outcome if results else "nothing",
        turns=sum(result.turns for result in results),
        tokens=sum(result.usage.input + result.usage.output for result in results),
        cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
        seconds=seconds,
        late_writes=late_writes(checked.files.texts),
        why=f"missing {sorted(missing)}, too many {sorted(more)}, wrong {sorted(wrong)}",
    )


def late_writes(files: dict[str, str]) -> int:
    """Marks that a command left after a later one had begun."""
    times = sorted(
        [int(mark) for mark in text.split()]
        for path, text in files.items()
        if path.startswith(f"{MARKS}/") and text.split()
    )
    return sum(mark >= later[0] for earlier, later in pairwise(times) for mark in earlier)


# --- the scripted model -------------------------------------------------------------------------


def scenario(request: dict[str, Any]) -> Reply:
    """Plans a step for each file that is wanted, and one for each that is there and is not."""
    said = conversation.read(request)
    if said.role == "planner":
        return _plan(said)
    if len(request["input"]) > 1:
        done = {"outcome": "done", "summary": "Done.", "files": [], "checks": []}
        return Reply(calls=(call("finish_step", done),))
    act, _, name = said.current.partition(".")
    name = name.partition(".")[0]
    command = f": {name}; rm -f {name}.txt" if act == "drop" else _making(name)
    arguments = {"command": command, "workdir": None, "timeout_s": None, "background": None}
    return Reply(calls=(call("shell", arguments),))


def _making(name: str) -> str:
    marks = f"{MARKS}/{name}.$$.$RANDOM"
    return (
        f": {name}; mkdir -p {MARKS}; m={marks}; "
        "for i in $(seq 20); do date +%s%N >> $m; sleep 0.03; done; "
        f"echo {name} > {name}.txt; date +%s%N >> $m"
    )


def _plan(said: conversation.Conversation) -> Reply:
    wanted = wishes([*said.asked_before, *said.messages])
    made = {_name(row.id) for row in said.rows if row.status == "complete" and "make." in row.id}
    known = {_name(path) for path in said.files} if not said.rows else made
    again = sum("drop." in row.id or "make." in row.id for row in said.rows)
    ids = [row.id for row in said.rows if row.status == "complete"]
    kept = {_name(row.id): row.id for row in said.rows if row.status == "pending"}
    missing = [name for name in wanted if name not in known or _dropped_since(said, name)]
    ids += [kept.get(name) or f"make.{name}.{again}" for name in missing]
    ids += [f"drop.{name}.{again}" for name in sorted(known - set(wanted))]
    steps = [{"id": i, "title": i.replace(".", " "), "detail": i, "done_when": "seen"} for i in ids]
    draft = {"goal": "Files", "assumptions": [], "question": "", "options": [], "steps": steps}
    return say(json.dumps({**draft, "answer": "" if steps else "Nothing is to be done."}))


def _dropped_since(said: conversation.Conversation, name: str) -> bool:
    ends = [row.id for row in said.rows if row.status == "complete" and _name(row.id) == name]
    return bool(ends) and ends[-1].startswith("drop.")


def _name(step_or_path: str) -> str:
    """`alpha` of `make.alpha.0` and of `alpha.txt`."""
    parts = step_or_path.split(".")
    return parts[1] if parts[0] in ("make", "drop") else parts[0]


def wishes(messages: list[str]) -> list[str]:
    """The files that are wanted after all of the messages, in the order they were asked for."""
    wanted: list[str] = []
    for message in messages:
        text = message.partition(": ")[2] if re.match(r"\w+: ", message) else message
        if text.lstrip().startswith("Create"):
            wanted = []
        away = False
        for word in re.findall(r"instead of|and create|\w+\.txt|\w+", text):
            away = bool(_AWAY.fullmatch(word)) or (away and not _BACK.fullmatch(word))
            if named := _FILE.fullmatch(word):
                wanted = [name for name in wanted if name != named[1]]
                wanted += [] if away else [named[1]]
    return wanted
