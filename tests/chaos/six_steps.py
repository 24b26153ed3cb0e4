"""Owns the task of the kill test: six steps that write files and append to a log, as scripted work.

Deterministic: two undisturbed runs leave the same bytes. The script behaves as a careful model does
when it is told that the sandbox was restarted: whole files are written again, the log is looked at
and only what is missing from it is appended. So a line that stands there twice was written by a
command that ran twice.
"""

import json
import re
from collections.abc import Generator
from typing import Any, Literal

from agent import plans
from agent.protocol import Plan, PlanStep
from local.model import conversation
from local.model.reply import Call, Reply, say
from local.model.script import Script, Seen, Work, finish, next_turn, shell, step, turn, write

Stage = Literal["planning", "writing", "looking", "appending", "checking", "finishing"]

STEPS = 6
LOG = "log.txt"
SLEEPS = {2: 1.0, 4: 0.6, 5: 1.2}
"""Seconds a step's command takes; the others are quick."""
BIG_STEP = 3
BIG_BYTES = 200_000
RESTARTED = ("sandbox_restarted", "lost")
_TAG = re.compile(r"\brun (\d+)\b")


def request_of(run: int) -> str:
    return f"@threadwright six steps of writing, run {run}"


def lines_of(number: int) -> list[str]:
    """What one step appends to the log, in order."""
    return [f"step {number}: begun", f"step {number}: ended"]


def label_of(number: int) -> str:
    """A step as the thread names it."""
    steps = [
        PlanStep(id=f"six.{n}", title=f"Part {n}", detail="", done_when="")
        for n in range(1, STEPS + 1)
    ]
    return plans.label(Plan(goal="", steps=steps), f"six.{number}")


def scenario(request: dict[str, Any]) -> Reply:
    said = conversation.read(request)
    return _plan() if said.role == "planner" else next_turn(said)


def place_of(request: dict[str, Any], reply: Reply) -> tuple[int, int, Stage]:
    """Run, step (0 for the planner) and stage that an answer of the scenario belongs to."""
    said = conversation.read(request)
    found = _TAG.search(said.all_said)
    run = int(found.group(1)) if found else 0
    if said.role == "planner":
        return run, 0, "planning"
    return run, int(said.current.removeprefix("six.")), _stage(reply.calls[0])


def _stage(call: Call) -> Stage:
    if call.name == "write_file":
        return "writing"
    if call.name == "finish_step":
        return "finishing"
    if ">>" in call.arguments:
        return "appending"
    return "looking" if call.arguments.count("cat") else "checking"


def _plan() -> Reply:
    rows = [
        {"id": f"six.{n}", "title": f"Part {n}", "detail": f"Write part {n}.", "done_when": "it is"}
        for n in range(1, STEPS + 1)
    ]
    plan = {"goal": "Six parts and a log", "assumptions": [], "answer": "", "steps": rows}
    return say(json.dumps(plan))


def _register(number: int) -> None:
    @step(f"six.{number}", f"Part {number}", f"Write part {number}.", "it is")
    def script(_: Work) -> Script:
        while not (yield from _attempt(number)):
            pass
        yield turn(finish(f"Part {number} is there.", [_part(number)], [_check(number)]))


def _attempt(number: int) -> Generator[Reply, Seen, bool]:
    """One try at the step's work; answers whether the sandbox lived through all of it."""
    for calls in ([*_files(number)], [shell(f"cat {LOG} 2>/dev/null || true")]):
        seen = yield turn(*calls)
        if _restarted(seen):
            return False
    missing = [line for line in lines_of(number) if line not in seen.last.said]
    for command in [_append(number, missing)] * bool(missing) + [_check(number)]:
        seen = yield turn(shell(command))
        if _restarted(seen) or not seen.last.passed:
            return False
    return True


def _restarted(seen: Seen) -> bool:
    return any(output.error in RESTARTED for output in seen.outputs)


def _part(number: int) -> str:
    return f"parts/part{number}.txt"


def _files(number: int) -> list[Call]:
    size = BIG_BYTES if number == BIG_STEP else 2000
    body = "".join(f"part {number}, row {row}\n" for row in range(size // 18))
    return [write(_part(number), body), write("README.md", f"Parts 1 to {number} are written.\n")]


def _append(number: int, lines: list[str]) -> str:
    """The lines with the step's work between them."""
    echoes = [f"echo '{line}' >> {LOG}" for line in lines]
    return f"; sleep {SLEEPS.get(number, 0.1)}; ".join(echoes)


def _check(number: int) -> str:
    return f"grep -q 'step {number}: ended' {LOG} && test -s {_part(number)} && wc -l {LOG}"


for _number in range(1, STEPS + 1):
    _register(_number)
