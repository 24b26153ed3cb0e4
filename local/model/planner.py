"""Owns how the scripted model plans: which scenario a request starts, how a change re-plans it."""

import json
from dataclasses import asdict, dataclass

from local.model.conversation import Conversation, Row
from local.model.reply import Reply
from local.model.scenarios import builds, deploy, fix, preview, repository, risky, starter, talk
from local.model.scenarios import todo_plan as todo
from local.model.script import MARK, STEPS, Change, kind_of

_DISCLAIMER = "This is a scripted demo model: plan and code are prepared, every command is real."
_THOUGHT = "What is asked for, what is there already, and how will we know that it works?"
_MAX_STEPS = 8
_NOTHING_TO_UNDO = f"The plan holds nothing of that message alone, so it stays. {MARK}"


@dataclass(frozen=True)
class Planned:
    id: str
    title: str
    detail: str
    done_when: str


def plan(said: Conversation) -> Reply:
    """The plan as the agent's schema wants it."""
    if said.rows and said.trouble:
        return _mend(said)
    if said.rows:
        return _replan(said)
    text = "\n".join(said.messages)
    if builds.asks_for_a_game(text) and not said.answers:
        return _reply(builds.GOAL, [], question=builds.WHICH_GAME, options=builds.GAMES)
    if talk.wanted(text) and not (todo.wanted(text) or preview.wanted(text)):
        return _reply("Answer the question", [], answer=talk.ANSWER)
    goal, kinds = _scenario(text, "\n".join(said.asked_before), said.answers)
    return _reply(goal, [_new(kind, kind, text) for kind in kinds])


def _reply(
    goal: str,
    steps: list[Planned],
    answer: str = "",
    question: str = "",
    options: tuple[str, ...] = (),
) -> Reply:
    draft = {
        "goal": goal,
        "assumptions": [_DISCLAIMER],
        "answer": answer,
        "question": question,
        "options": options,
        "steps": [asdict(step) for step in steps],
    }
    return Reply(text=json.dumps(draft, ensure_ascii=False), thinking=_THOUGHT)


def _scenario(text: str, earlier: str, answers: str = "") -> tuple[str, list[str]]:
    """Goal and kinds of steps of the first scenario that knows the request.

    Args:
        text: what is asked now.
        earlier: what earlier tasks of the thread were asked.
        answers: what people chose when they were asked.
    """
    if todo.wanted(earlier) and todo.wishes(text):
        return todo.goal(f"{earlier}\n{text}"), todo.follow_up(text)
    if todo.wanted(text):
        return todo.goal(text), todo.first_plan(text)
    for scenario in (repository, preview, fix, deploy):
        if scenario.wanted(text):
            return scenario.GOAL, scenario.PLAN
    if risky.wanted(text):
        return risky.goal(text), risky.plan(text)
    if builds.vague(text):
        return builds.GOAL, builds.ASK_FIRST
    if builds.named(f"{text}\n{answers}"):
        return builds.GOAL, builds.KNOWN
    if earlier:
        return f"Noted for later: {starter.one_line(text, 60)}", ["wish.note"]
    return starter.goal(text), starter.PLAN


def _replan(said: Conversation) -> Reply:
    """Keep what is done and what is still right, drop what is not, add what is new."""
    news = "\n".join(said.news)
    if said.taken_back and not news:
        return _reply(_goal(said), _without(said.rows, said.taken_back), answer=_NOTHING_TO_UNDO)
    if talk.wanted(news):  # an answer without steps leaves the plan as it is
        return _reply("Answer the question", [], answer=talk.progress(said.rows, news))
    change = _change(said.rows, news)
    taken = {row.id for row in said.rows}
    alive = [row for row in said.rows if row.status != "dropped" and row.id not in change.dropped]
    done = [_kept(row) for row in alive if row.status == "complete"]
    ahead = [
        _new(change.replaced[row.id], _fresh(change.replaced[row.id], taken), news)
        if row.id in change.replaced
        else _kept(row)
        for row in alive
        if row.status != "complete"
    ]
    ahead += [_new(kind, _fresh(kind, taken), news) for kind in change.added]
    ahead.sort(key=_rank)
    # Finished steps stay whatever a plan says, so they are left out first when it gets long.
    steps = [*done, *ahead][-_MAX_STEPS:]
    return _reply(_goal(said), steps)


def _without(rows: list[Row], taken_back: list[str]) -> list[Planned]:
    """The plan less what was noted for these messages alone; none when that changes nothing."""
    noted = {starter.one_line(text, 300) for text in taken_back}
    kept = [r for r in rows if r.detail not in noted or r.status == "complete"]
    return [_kept(row) for row in kept if row.status != "dropped"] if len(kept) < len(rows) else []


def _mend(said: Conversation) -> Reply:
    """Another way around the step that failed, where a script knows one."""
    failed = {kind_of(row.id) for row in said.rows if row.status == "error"}
    if "deploy.send" not in failed:
        return _reply(_goal(said), [], answer=f"I know no other way. {said.trouble}")
    kinds = deploy.other_way(said.all_said)
    if not kinds:
        return _reply(_goal(said), [], answer=deploy.NO_WAY)
    done = [_kept(row) for row in said.rows if row.status == "complete"]
    return _reply(_goal(said), [*done, *(_new(kind, kind, "") for kind in kinds)])


def _change(rows: list[Row], news: str) -> Change:
    asking = {row.id for row in rows if row.id == "builds.choose" and row.status != "complete"}
    if asking:  # they answered in writing
        if builds.named(news):
            return Change(dropped=asking)
        return Change(dropped={*asking, "builds.program"}, added=starter.PLAN)
    risks = {row.id for row in rows if kind_of(row.id) in risky.LAST_STEPS}
    if risks and risky.refused(news):
        return Change(dropped=risks)
    kinds = {kind_of(row.id) for row in rows if row.status != "dropped"}
    change = todo.change(rows, news) if any(k.startswith("todo.") for k in kinds) else Change()
    if preview.wanted(news):
        change.added += [kind for kind in preview.PLAN if kind not in kinds]
    if risky.wanted(news):
        change.added += [kind for kind in risky.plan(news) if kind not in kinds]
    return change if change != Change() else Change(added=["wish.note"])


def _goal(said: Conversation) -> str:
    text = said.all_said
    if any(row.id.startswith("todo.") for row in said.rows):
        return todo.goal(text)
    first = said.messages[0] if said.messages else text
    return _scenario(first, "\n".join(said.asked_before))[0]


def _new(kind: str, step_id: str, text: str) -> Planned:
    """A step of its kind; one without a detail of its own carries what people wrote."""
    step = STEPS[kind]
    detail = step.detail or starter.one_line(text, 300)
    return Planned(step_id, step.title, detail, step.done_when)


def _kept(row: Row) -> Planned:
    """A step of the old plan, told again under its own id."""
    known = STEPS.get(kind_of(row.id))
    detail = row.detail or (known.detail if known else row.title)
    done_when = row.done_when or (known.done_when if known else "as planned before")
    return Planned(row.id, row.title, detail, done_when)


def _rank(step: Planned) -> int:
    known = STEPS.get(kind_of(step.id))
    return known.rank if known else 0


def _fresh(kind: str, taken: set[str]) -> str:
    """An id no step had yet: the kind, numbered from the second on. It is `taken` from now on."""
    number, step_id = 1, kind
    while step_id in taken:
        number += 1
        step_id = f"{kind}.{number}"
    taken.add(step_id)
    return step_id
