"""Owns what a plan is: its checks, how a new plan takes over from the old one, and how it is shown.

Pure functions of plans; no durable state, no model.
"""

from itertools import count
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent import protocol as p

MAX_STEPS = 8
MAX_OPTIONS, OPTION_CHARS = 5, 75


class DraftStep(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    detail: str
    done_when: str


class Draft(BaseModel):
    """The plan as the model writes it."""

    model_config = ConfigDict(extra="forbid")

    goal: str
    assumptions: list[str]
    answer: str
    question: str = ""
    options: list[str] = []
    steps: list[DraftStep]


DRAFT_SCHEMA = {
    "type": "object",
    "properties": {
        "goal": {"type": "string"},
        "assumptions": {"type": "array", "items": {"type": "string"}},
        "answer": {"type": "string"},
        "question": {"type": "string"},
        "options": {"type": "array", "items": {"type": "string"}},
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    name: {"type": "string"} for name in ("id", "title", "detail", "done_when")
                },
                "required": ["id", "title", "detail", "done_when"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["goal", "assumptions", "answer", "question", "options", "steps"],
    "additionalProperties": False,
}


def parse(text: str) -> p.Plan:
    """The plan in the model's answer. Raises ValueError with what is wrong, for the repair turn."""
    try:
        draft = Draft.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the answer"
        raise ValueError(f"{place}: {first['msg']}") from None
    answer, question = draft.answer.strip(), draft.question.strip()
    if not draft.steps and not (answer or question):
        raise ValueError("steps: a plan needs at least one step, or an answer and no steps")
    if question and draft.steps:
        raise ValueError("question: either ask, with no steps, or decide and plan")
    if len(draft.steps) > MAX_STEPS:
        raise ValueError(f"steps: at most {MAX_STEPS}, not {len(draft.steps)}; merge small ones")
    ids = [step.id.strip() for step in draft.steps]
    if not all(ids) or len(set(ids)) < len(ids):
        raise ValueError("steps: every step needs an id of its own")
    if any(not step.title.strip() for step in draft.steps):
        raise ValueError("steps: every step needs a title")
    steps = [
        p.PlanStep(id=i, title=s.title.strip(), detail=s.detail, done_when=s.done_when)
        for i, s in zip(ids, draft.steps, strict=True)
    ]
    return p.Plan(
        goal=draft.goal.strip(),
        assumptions=draft.assumptions,
        steps=steps,
        answer="" if steps or question else answer,
        question=question,
        options=_options(draft.options) if question else [],
    )


def _options(given: list[str]) -> list[str]:
    """As buttons show them: short, each different. Raises ValueError."""
    options = list(dict.fromkeys(text for option in given if (text := " ".join(option.split()))))
    if len(options) > MAX_OPTIONS or any(len(option) > OPTION_CHARS for option in options):
        raise ValueError(f"options: at most {MAX_OPTIONS}, of {OPTION_CHARS} characters each")
    return options


def take_over(old: p.Plan | None, new: p.Plan) -> p.Plan:
    """The plan to go on with: finished steps stay finished, the rest is kept, dropped or new.

    What is done is done: a finished step the new plan leaves out is kept all the same, and one it
    repeats is not carried out again. Other work under the id of a finished step gets an id of its
    own: nothing new is passed over as done.
    """
    if old is None:
        return new
    known = {step.id: step for step in old.steps if step.mark != "dropped"}
    wanted = {step.id for step in new.steps}
    kept = [_marked(s, "kept") for s in known.values() if s.status == "complete"]
    failed = [_marked(s, "") for s in known.values() if s.status == "error" and s.id not in wanted]
    dropped = [
        s.model_copy(update={"mark": "dropped", "status": "dropped"})
        for s in known.values()
        if s.status not in ("complete", "error") and s.id not in wanted
    ]
    done = {step.id for step in kept}
    reused = {step.id for step in reusing(old, new)}
    taken = {step.id for step in (*old.steps, *new.steps)}
    ahead = []
    for step in new.steps:
        if step.id in reused:
            fresh = _fresh(step.id, taken)
            taken.add(fresh)
            ahead.append(step.model_copy(update={"id": fresh, "mark": "new"}))
        elif step.id not in done:
            ahead.append(
                _continued(known[step.id], step) if step.id in known else _marked(step, "new")
            )
    return new.model_copy(update={"steps": [*kept, *failed, *dropped, *ahead]})


def reusing(old: p.Plan, new: p.Plan) -> list[p.PlanStep]:
    """Steps of the new plan that are other work under the id of a finished step, by their title or
    by when they are done. The detail does not count: of finished steps the planner is not told
    it."""
    done = {step.id: step for step in old.steps if step.status == "complete"}
    return [step for step in new.steps if step.id in done and _words(step) != _words(done[step.id])]


def refuse_reusing(old: p.Plan | None, new: p.Plan) -> None:
    """Raises ValueError, for the repair turn."""
    if old is not None and (reused := reusing(old, new)):
        first = reused[0].id
        raise ValueError(
            f"steps: {first} is finished, and you changed its words; leave it out or repeat "
            "`title` and `done_when` word for word, and give other work an id of its own"
        )


def _words(step: p.PlanStep) -> tuple[str, str]:
    """As two people would call them the same."""
    title, done_when = (
        " ".join(text.casefold().split()).rstrip(".") for text in (step.title, step.done_when)
    )
    return title, done_when


def _fresh(id_: str, taken: set[str]) -> str:
    return next(name for n in count(2) if (name := f"{id_}-{n}") not in taken)


def _continued(old: p.PlanStep, new: p.PlanStep) -> p.PlanStep:
    """Whoever does it now knows how far it came."""
    return new.model_copy(update={"mark": "kept", "digest": old.digest})


def _marked(step: p.PlanStep, mark: p.StepMark) -> p.PlanStep:
    return step.model_copy(update={"mark": mark})


def with_step(plan: p.Plan, step_id: str, status: p.StepStatus, digest: str = "") -> p.Plan:
    steps = [
        step.model_copy(update={"status": status, "digest": digest or step.digest})
        if step.id == step_id and step.status != "dropped"
        else step
        for step in plan.steps
    ]
    return plan.model_copy(update={"steps": steps})


def back_to(plan: p.Plan, done: frozenset[str]) -> p.Plan:
    """After a loss of files: of the finished steps only those in `done` are still finished."""
    steps = [
        step.model_copy(update={"status": "pending", "digest": ""})
        if step.status in ("complete", "in_progress") and step.id not in done
        else step
        for step in plan.steps
    ]
    return plan.model_copy(update={"steps": steps})


def undone(plan: p.Plan, done: frozenset[str]) -> list[str]:
    """The steps `back_to` takes back, in people's words."""
    return [
        label(plan, step.id)
        for step in plan.steps
        if step.status in ("complete", "in_progress") and step.id not in done
    ]


def label(plan: p.Plan, step_id: str) -> str:
    """A step as people name it: `step 3 (“Write the tests”)`."""
    shown = [step for step in plan.steps if step.status != "dropped"]
    number, step = next((n, s) for n, s in enumerate(shown, 1) if s.id == step_id)
    return f"step {number} (“{step.title}”)"


def next_step(plan: p.Plan) -> p.PlanStep | None:
    return next((step for step in plan.steps if step.status == "pending"), None)


def last_words(plan: p.Plan) -> str:
    """What the last finished step came to."""
    said = [step.digest for step in plan.steps if step.status == "complete" and step.digest]
    return said[-1] if said else plan.goal


def change_note(plan: p.Plan, why: str) -> str:
    """One sentence for the thread: what a new plan kept, dropped and added.

    Args:
        why: ends the words "New plan …".
    """
    counts = {
        mark: [s.title for s in plan.steps if s.mark == mark] for mark in ("kept", "dropped", "new")
    }
    parts = [f"{mark} {len(titles)}" for mark, titles in counts.items() if titles]
    return f"New plan {why}: {', '.join(parts)}." if parts else ""


def proposed(plan: p.Plan) -> list[str]:
    """Each step that is still to be done, whole."""
    return [
        f"{step.title}\n   {step.detail}\n   Done when: {step.done_when}"
        for step in plan.steps
        if step.status == "pending"
    ]


def as_proposal(plan: p.Plan) -> str:
    """What is still to be done, for people who are asked to agree."""
    rows = [f"{number}. {step}" for number, step in enumerate(proposed(plan), 1)]
    return "\n".join([*rows, *(f"Assumed: {text}" for text in plan.assumptions)])


def agreed(body: p.PlanBody) -> p.PlanBody:
    """The plan message while the rest of the plan stands on the card that asks for consent."""
    steps = [step for step in body.steps if step.status != "pending"]
    return body.model_copy(update={"steps": steps, "assumptions": []})


def body(
    plan: p.Plan, state: p.PlanState, note: str, started_at: float, finished_at: float | None
) -> p.PlanBody:
    """The plan message."""
    lines = [
        p.StepLine(
            id=step.id,
            title=step.title,
            status=step.status,
            mark=step.mark,
            detail=first_line(step.digest) if step.status in ("complete", "error") else "",
        )
        for step in plan.steps
    ]
    return p.PlanBody(
        title=plan.goal,
        steps=lines,
        state=state,
        note=note,
        assumptions=plan.assumptions,
        started_at=started_at,
        finished_at=finished_at,
    )


def as_text(plan: p.Plan, style: Literal["planner", "worker"]) -> str:
    """The plan with outcomes, as the model reads it."""
    rows = []
    for step in plan.steps:
        rows.append(f"- [{step.status}] {step.id} — {step.title}")
        if style == "planner" and step.status != "complete":
            rows.append(f"  {step.detail}")
        if style == "planner" and step.done_when:
            rows.append(f"  done when: {step.done_when}")
        if step.digest:
            rows.append(f"  outcome: {step.digest}")
    return "\n".join(rows)


def first_line(text: str, limit: int = 150) -> str:
    line = text.strip().splitlines()[0] if text.strip() else ""
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
