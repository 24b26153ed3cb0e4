"""Owns the look of the one plan message of a task: a checklist that ticks in place."""

from agent.protocol import PlanBody, PlanState, StepLine
from bot import names
from bot.views import blocks, mrkdwn, words
from bot.views.blocks import Block, Rendered

SHOWN_STEPS = 20
TITLE_CHARS = 150
DETAIL_CHARS = 250
MOST_ASSUMED = 5
ASSUMED_CHARS = 200

_STATE_WORDS: dict[PlanState, str] = {
    "working": "Working",
    "waiting": "Waiting for an answer",
    "done": "Done",
    "blocked": "Blocked",
    "failed": "Failed",
    "stopped": "Stopped",
}
_CARD_STATUS = {"pending": "pending", "in_progress": "in_progress", "complete": "complete"}
_BOXES = {"pending": "☐", "in_progress": "▸", "complete": "☑", "error": "✗", "dropped": "–"}
_IN_WORDS = {"in_progress": "now", "error": "failed"}


def render(body: PlanBody, activity: str, thread_key: str, plain: bool = False) -> Rendered:
    """`plain` avoids the plan block, for workspaces that refuse it."""
    live = [step for step in body.steps if step.status != "dropped"]
    shown, hidden = _window(live)
    parts: list[Block] = [_checklist(body, shown) if plain else _plan(body, shown)]
    note = mrkdwn.from_markdown(body.note, 1000)
    lines = (_hidden(live, hidden), _dropped(body), _assumed(body), note)
    parts.extend(blocks.context(line) for line in lines if line)
    parts.append(blocks.context(_status(body, activity)))
    if _is_open(body):
        parts.append(blocks.actions(blocks.button("Stop", names.STOP, thread_key)))
    return Rendered(text=_fallback(body, live), blocks=parts)


def _is_open(body: PlanBody) -> bool:
    return body.state in ("working", "waiting")


def _window(steps: list[StepLine]) -> tuple[list[StepLine], list[StepLine]]:
    """The steps to show: those around the current one, so that progress stays in sight."""
    if len(steps) <= SHOWN_STEPS:
        return steps, []
    current = next((i for i, s in enumerate(steps) if s.status != "complete"), len(steps))
    start = min(max(0, current - 5), len(steps) - SHOWN_STEPS)
    end = start + SHOWN_STEPS
    return steps[start:end], steps[:start] + steps[end:]


def _title(step: StepLine) -> str:
    mark = f" ({step.mark})" if step.mark else ""
    return mrkdwn.clip(mrkdwn.one_line(step.title) or "Step", TITLE_CHARS - len(mark)) + mark


def _heading(body: PlanBody) -> str:
    """A goal is written as what will be true at the end, so it is called one."""
    goal = mrkdwn.one_line(body.title)
    return f"Goal: {goal}" if goal else "Plan"


def _plan(body: PlanBody, steps: list[StepLine]) -> Block:
    title = mrkdwn.clip(_heading(body), TITLE_CHARS)
    cards = [_card(index, step) for index, step in enumerate(steps)]
    return {"type": "plan", "title": title} | ({"tasks": cards} if cards else {})


def _card(index: int, step: StepLine) -> Block:
    card: Block = {
        "type": "task_card",
        "task_id": mrkdwn.clip(f"{index}-{step.id}", 100),
        "title": _title(step),
        "status": _CARD_STATUS.get(step.status, "error"),
    }
    if step.detail and step.status in ("in_progress", "error"):
        detail = mrkdwn.clip(mrkdwn.one_line(step.detail), DETAIL_CHARS)
        card["details"] = blocks.rich_line(detail)
    return card


def _checklist(body: PlanBody, steps: list[StepLine]) -> Block:
    lines = [f"*{mrkdwn.escape(_heading(body), TITLE_CHARS)}*"]
    for step in steps:
        said = f" – {_IN_WORDS[step.status]}" if step.status in _IN_WORDS else ""
        lines.append(f"{_BOXES[step.status]} {mrkdwn.escape(_title(step), 120)}{said}")
    return blocks.section("\n".join(lines))


def _hidden(live: list[StepLine], hidden: list[StepLine]) -> str:
    """Counts all steps, as Slack counts only those it is shown."""
    return f"{_progress(live)}; {len(hidden)} are not shown here" if hidden else ""


def _progress(live: list[StepLine]) -> str:
    done = sum(step.status == "complete" for step in live)
    return f"{done} of {words.plural(len(live), 'step')} done"


def _dropped(body: PlanBody) -> str:
    titles = [step.title for step in body.steps if step.status == "dropped"]
    if not titles:
        return ""
    listed = "; ".join(mrkdwn.escape(mrkdwn.one_line(title), 80) for title in titles[:5])
    more = f" and {len(titles) - 5} more" if len(titles) > 5 else ""
    return f"Dropped: {listed}{more}"


def _assumed(body: PlanBody) -> str:
    """So that whoever sees it otherwise can say so while there is time; not once it is over."""
    if not _is_open(body):
        return ""
    shown = [mrkdwn.escape(line, ASSUMED_CHARS) for line in map(mrkdwn.one_line, body.assumptions)]
    more = f" · and {len(shown) - MOST_ASSUMED} more" if len(shown) > MOST_ASSUMED else ""
    return f"Assumed: {' · '.join(shown[:MOST_ASSUMED])}{more}" if shown else ""


def _status(body: PlanBody, activity: str) -> str:
    """State, time, and what happens now: one short line."""
    parts = [f"*{_STATE_WORDS[body.state]}*"]
    if _is_open(body):
        if body.started_at:
            parts.append(f"since {mrkdwn.date(body.started_at, '{time}')}")
        if body.state == "working" and activity.strip():
            parts.append(mrkdwn.escape(mrkdwn.one_line(mrkdwn.visible(activity)), 120))
    elif body.started_at and body.finished_at:
        parts.append(words.duration(body.finished_at - body.started_at))
    return " · ".join(parts)


def _fallback(body: PlanBody, live: list[StepLine]) -> str:
    now = next((step for step in live if step.status == "in_progress"), None)
    title = mrkdwn.escape(mrkdwn.one_line(body.title), 200) or "Plan"
    said = f"{title}: {_STATE_WORDS[body.state].lower()}"
    if live:
        said += f", {_progress(live)}"
    if now is not None and _is_open(body):
        said += f", now: {mrkdwn.escape(mrkdwn.one_line(now.title), 200)}"
    return said
