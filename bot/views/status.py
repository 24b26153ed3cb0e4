"""Owns how the state of a session reads: in full for one, a line each for many."""

from collections.abc import Sequence

from agent.protocol import SessionCard, SessionStatus, SessionView, StepLine, TaskStatus, Usage
from bot import names
from bot.threads import permalink
from bot.views import mrkdwn, preferences, result, words

MOST_SESSIONS = 15

NONE_YET = "No sessions yet. Mention me in a channel, or write to me directly."
NONE_HERE = "You have no sessions here yet."

_SAID: dict[SessionStatus, str] = {
    "idle": "ready",
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
    lines += _rules(task)
    counted = [words.plural(view.tasks, "task"), words.plural(view.messages, "message")]
    if view.total_cost_usd:
        counted.append(f"{words.cost(Usage(cost_usd=view.total_cost_usd))} so far")
    lines.append(", ".join(counted))
    if view.last is not None and task is None:
        head = result.head(view.last.outcome)
        ended = f"{head.lower()}. " if head else ""
        lines.append(f"Last: {ended}{mrkdwn.clip(view.last.summary, 500)}")
    return "\n".join(lines)


def line(card: SessionCard, now: float, workspace_url: str = "") -> str:
    """One of a person's sessions, as escaped mrkdwn.

    Args:
        workspace_url: with it the title is a link.
    """
    title = mrkdwn.escape(_bare(card.title), 90)
    link = permalink(workspace_url, card.thread)
    named = f"<{mrkdwn.escape(link)}|{title}>" if link else title
    return f"*{named}* {_where(card)}: {facts(card, now)}"


def facts(card: SessionCard, now: float) -> str:
    """How a session stands, how old that is, and what it has cost."""
    said = [_SAID[card.status], words.age(now - card.updated_at)]
    if card.cost_usd != 0:
        said.append(words.cost(Usage(cost_usd=card.cost_usd)))
    return ", ".join(said)


def listed(cards: Sequence[SessionCard], now: float, workspace_url: str = "") -> str:
    """A person's sessions, newest first, as escaped mrkdwn."""
    lines = [f"• {line(card, now, workspace_url)}" for card in cards[:MOST_SESSIONS]]
    return "\n".join([*lines, *_rest(cards)]) or NONE_YET


def noted(cards: Sequence[SessionCard], now: float, workspace_url: str = "") -> str:
    """The same as Markdown for a note in a thread, which escapes it."""
    lines = [
        f"- {_linked(card, workspace_url)}: {facts(card, now)}" for card in cards[:MOST_SESSIONS]
    ]
    return "\n".join([*lines, *_rest(cards)])


def elsewhere(count: int) -> str:
    return f"And {count} elsewhere: `{names.COMMAND} sessions` or App Home shows you alone."


def option(card: SessionCard, now: float) -> str:
    """One line for a picker, as plain text."""
    tail = f" · {_SAID[card.status]} · {words.age(now - card.updated_at)}"
    return mrkdwn.clip(_title(card.title), 75 - len(tail)) + tail


def _rest(cards: Sequence[SessionCard]) -> list[str]:
    left = len(cards) - MOST_SESSIONS
    return [f"• and {left} more"] if left > 0 else []


def _linked(card: SessionCard, workspace_url: str) -> str:
    title = mrkdwn.clip(_bare(card.title), 90)
    link = permalink(workspace_url, card.thread)
    return f"[{title}]({link})" if link else title


def _where(card: SessionCard) -> str:
    direct = card.thread.channel.startswith("D")
    return "in a direct message" if direct else f"in <#{card.thread.channel}>"


_MARKUP = str.maketrans({"[": "(", "]": ")", "`": "'", "|": "/", "*": "", "~": ""})


def _bare(title: str) -> str:
    """A title that can be the label of a link, in mrkdwn and in Markdown."""
    return _title(title.translate(_MARKUP))


def _title(title: str) -> str:
    return mrkdwn.one_line(title) or "Untitled"


def _state(view: SessionView, task: TaskStatus | None) -> str:
    if task is None or task.state == "done" or view.status == "waiting":
        return _SAID[view.status]
    return _SAID["waiting"] if task.state == "waiting" else task.state


def _rules(task: TaskStatus | None) -> list[str]:
    """By which choices the running task runs, and what it has cost so far."""
    if task is None or task.state == "done":
        return []
    said = []
    if task.usage.cost_usd or task.usage.cost_usd is None:
        said.append(f"{words.cost(task.usage)} for this task")
    if task.budget_usd is not None and not task.budgets:
        said.append(f"budget ${task.budget_usd:.2f}")
    if task.model:
        said.append(f"model {task.model}")
    if task.approvals is not None:
        said.append(f"{preferences.CALLED[task.approvals]} approvals")
    if task.plan_first:
        said.append("plans are approved first")
    text = ", ".join(said)
    lines = [text[:1].upper() + text[1:]] if text else []
    return [*lines, *(f"- {words.budget(line)}" for line in task.budgets)]


def _step(step: StepLine) -> str:
    mark = f", {step.mark}" if step.mark not in ("", "dropped") else ""  # said already
    return f"- {mrkdwn.clip(mrkdwn.one_line(step.title), 120)} ({_STEP_SAID[step.status]}{mark})"
