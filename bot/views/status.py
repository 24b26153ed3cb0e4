"""Owns how the state of a session reads: in full for one, a line each for many."""

from collections.abc import Sequence

from agent.protocol import SessionCard, SessionStatus, SessionView, StepLine, TaskStatus
from bot.views import mrkdwn, words

MOST_SESSIONS = 15

_SAID: dict[SessionStatus, str] = {
    "idle": "idle",
    "working": "working",
    "waiting": "waiting for an answer",
}
_STEP_SAID = {
    "complete": "done",
    "in_progress": "now",
    "error": "failed",
    "pending": "to do",
    "dropped": "dropped",
}


def of_session(view: SessionView, task: TaskStatus | None) -> str:
    """One session, as Markdown of ours for a note; text of people is still to be escaped."""
    lines = [f"**{_title(view.title)}**: {_state(view, task)}"]
    if task is not None and task.plan is not None:
        lines += [_step(step) for step in task.plan.steps[:20]]
    counted = [words.plural(view.tasks, "task"), words.plural(view.messages, "message")]
    if view.total_cost_usd:
        counted.append(f"${view.total_cost_usd:.2f} so far")
    lines.append(", ".join(counted))
    if view.last is not None and task is None:
        lines.append(f"Last: {view.last.outcome}. {mrkdwn.clip(view.last.summary, 500)}")
    return "\n".join(lines)


def listed(cards: Sequence[SessionCard], now: float) -> str:
    """A person's sessions, newest first, as escaped mrkdwn."""
    if not cards:
        return "No sessions yet. Mention me in a channel, or write to me directly."
    lines = [
        f"• *{mrkdwn.escape(_title(card.title), 90)}* in <#{card.thread.channel}>: "
        f"{_SAID[card.status]}, {words.age(now - card.updated_at)}"
        for card in cards[:MOST_SESSIONS]
    ]
    if len(cards) > MOST_SESSIONS:
        lines.append(f"• and {len(cards) - MOST_SESSIONS} more")
    return "\n".join(lines)


def option(card: SessionCard, now: float) -> str:
    """One line for a picker, as plain text."""
    tail = f" · {_SAID[card.status]} · {words.age(now - card.updated_at)}"
    return mrkdwn.clip(_title(card.title), 75 - len(tail)) + tail


def _title(title: str) -> str:
    return mrkdwn.one_line(title) or "Untitled"


def _state(view: SessionView, task: TaskStatus | None) -> str:
    if task is None or task.state == "done":
        return _SAID[view.status]
    return "waiting for an answer" if task.state == "waiting" else task.state


def _step(step: StepLine) -> str:
    mark = f", {step.mark}" if step.mark else ""
    return f"- {mrkdwn.clip(mrkdwn.one_line(step.title), 120)} ({_STEP_SAID[step.status]}{mark})"
