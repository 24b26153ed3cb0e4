"""Owns the scripted model of evaluations: it knows each case's solution and writes it."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from local.model import Reply, call, conversation, say
from tests.evals.cases import Case


class Solver:
    """The scripted model of every suite.

    Args:
        steered: answers where nothing is said of a case.
        idle: do nothing and call it done; every check must notice.
    """

    def __init__(
        self,
        cases: Iterable[Case],
        steered: Callable[[dict[str, Any]], Reply],
        *,
        idle: bool = False,
    ) -> None:
        self._cases = list(cases)
        self._steered = steered
        self._idle = idle

    def __call__(self, request: dict[str, Any]) -> Reply:
        said = conversation.read(request)
        text = "\n".join(said.messages)
        case = next((case for case in self._cases if case.request in text), None)
        if case is None:
            return self._steered(request)
        if said.role == "planner":
            return _plan(case)
        if len(request["input"]) > 1 or self._idle:
            return _finish(case)
        return _write(case)


def _plan(case: Case) -> Reply:
    step = {"id": case.name, "title": "Do it", "detail": case.request, "done_when": "it is"}
    draft = {
        "goal": case.name,
        "assumptions": [],
        "answer": case.answer,
        "question": "",
        "options": [],
        "steps": [] if case.answer else [step],
    }
    return say(json.dumps(draft))


def _write(case: Case) -> Reply:
    writes = (
        call("write_file", {"path": path, "content": text}) for path, text in case.solution.items()
    )
    run = {"command": case.run, "workdir": None, "timeout_s": None, "background": None}
    return Reply(calls=(*writes, *([call("shell", run)] if case.run else [])))


def _finish(case: Case) -> Reply:
    arguments = {"outcome": "done", "summary": "Done.", "files": list(case.solution), "checks": []}
    return Reply(calls=(call("finish_step", arguments),))
