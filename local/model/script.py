"""Owns how a scenario is written: each step is a generator of turns that is sent their results.

    @step("todo.tests", "Test the commands", "Cover every command.", "the tests pass")
    def tests(work: Work) -> Script:
        seen = yield turn(write("tests/test_cli.py", ...), shell(TESTS))
        if not seen.last.passed:
            yield turn(edit("todo/tasks.py", BUG, REPAIR), shell(TESTS))
        yield turn(finish("Tests are green.", checks=[TESTS]))

The server remembers nothing: for each request the generator runs anew and is sent what the request
says its earlier turns came to; the first turn without results is the answer. So a script must be a
pure function of what it is sent.
"""

import json
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace

from local.model.conversation import Conversation, Output
from local.model.refusal import Refusal
from local.model.reply import Call, Reply, call

MARK = "(scripted demo model)"


@dataclass(frozen=True)
class Seen:
    """The results of one turn, in the order of its calls."""

    outputs: tuple[Output, ...]

    @property
    def last(self) -> Output:
        return self.outputs[-1]

    def __getitem__(self, index: int) -> Output:
        return self.outputs[index]


Script = Generator[Reply, Seen, None]
Work = Conversation
"""What a script may look at: the request it is part of."""


@dataclass(frozen=True)
class Step:
    id: str
    title: str
    detail: str
    done_when: str
    script: Callable[[Work], Script]
    rank: int = 0
    """Steps of higher rank close a plan: new work goes before them."""


STEPS: dict[str, Step] = {}
"""All steps of all scenarios, by id. In a plan an id may be numbered: `todo.readme.2`."""


def step(
    id: str,
    title: str,
    detail: str,
    done_when: str,
    rank: int = 0,
) -> Callable[[Callable[[Work], Script]], Step]:
    """Register a step's script under its id."""

    def register(script: Callable[[Work], Script]) -> Step:
        STEPS[id] = Step(id, title, detail, done_when, script, rank)
        return STEPS[id]

    return register


def kind_of(step_id: str) -> str:
    """The registered id behind an id of a plan; empty when there is none."""
    base, _, number = step_id.rpartition(".")
    if base in STEPS and number.isdigit():
        return base
    return step_id if step_id in STEPS else ""


def next_turn(work: Work) -> Reply:
    """What the current step's script says next. Raises Refusal for a step nobody wrote."""
    kind = kind_of(work.current)
    if not kind:
        message = f"The scripted model has no script for step {work.current!r}."
        raise Refusal(message, code="no_scenario")
    script = STEPS[kind].script(work)
    reply, number = next(script), 0
    while (seen := _seen(work, reply, number)) is not None:
        number += 1
        try:
            reply = script.send(seen)
        except StopIteration:
            message = f"The script of step {kind!r} is over, yet the step goes on."
            raise Refusal(message, code="script_over") from None
    return _placed(_signed(work, reply), number)


def _seen(work: Work, reply: Reply, number: int) -> Seen | None:
    outputs = [work.outputs.get((number, k)) for k in range(len(reply.calls))]
    found = tuple(output for output in outputs if output is not None)
    return Seen(found) if found and len(found) == len(outputs) else None


def _signed(work: Work, reply: Reply) -> Reply:
    """The last step's summary is what people read at the end: it says who wrote it."""
    last = [row.id for row in work.rows if row.status != "dropped"][-1:]
    if last != [work.current]:
        return reply
    return replace(reply, calls=tuple(_sign(one) for one in reply.calls))


def _sign(one: Call) -> Call:
    if one.name != "finish_step":
        return one
    arguments = json.loads(one.arguments)
    return call(one.name, {**arguments, "summary": f"{arguments['summary']} {MARK}"})


def _placed(reply: Reply, number: int) -> Reply:
    """The place in the script is part of each call's id: that is how it is found again."""
    calls = tuple(
        replace(one, call_id=f"call_t{number:02}c{k}_{secrets.token_hex(8)}")
        for k, one in enumerate(reply.calls)
    )
    return replace(reply, calls=calls)


@dataclass
class Change:
    """What new messages do to a plan."""

    dropped: set[str] = field(default_factory=set)
    """Ids."""
    replaced: dict[str, str] = field(default_factory=dict)
    """Kinds of new steps, by the id whose place they take."""
    added: list[str] = field(default_factory=list)
    """Kinds of further steps."""


# --- the words of a script: one turn, and the agent's tools -------------------------------------


def turn(*calls: Call, think: str = "") -> Reply:
    """One turn: a thought for the thread to show, and tool calls to be done in order."""
    return Reply(calls=calls, thinking=think)


def shell(command: str, timeout_s: int | None = None) -> Call:
    arguments = {"command": command, "workdir": None, "timeout_s": timeout_s, "background": None}
    return call("shell", arguments)


def write(path: str, content: str) -> Call:
    return call("write_file", {"path": path, "content": content})


def edit(path: str, old: str, new: str) -> Call:
    return call("edit_file", {"path": path, "old": old, "new": new, "replace_all": None})


def patch(text: str) -> Call:
    return call("apply_patch", {"patch": text})


def read(path: str) -> Call:
    return call("read_file", {"path": path, "offset": None, "limit": None})


def look() -> Call:
    return call("list_files", {"path": None, "glob": None, "limit": None})


def search(pattern: str) -> Call:
    arguments = {"pattern": pattern, "path": None, "glob": None}
    return call("search", {**arguments, "ignore_case": None, "context": None, "limit": None})


def show(port: int, command: str, title: str) -> Call:
    return call("open_preview", {"port": port, "command": command, "title": title})


def ask(question: str, *options: str) -> Call:
    return call("ask_user", {"question": question, "options": list(options)})


def finish(
    summary: str,
    files: list[str] | None = None,
    checks: list[str] | None = None,
    outcome: str = "done",
) -> Call:
    arguments = {
        "outcome": outcome,
        "summary": summary,
        "files": files or [],
        "checks": checks or [],
    }
    return call("finish_step", arguments)


def stuck(output: Output) -> Reply:
    """The end of a step whose check did not pass."""
    lines = output.said.strip().splitlines() or ["no output"]
    return turn(finish(f"The check did not pass: {lines[-1][:200]}", outcome="failed"))
