"""Owns what is said to the ledger of a workspace, which keeps the budgets that tasks share."""

from agent.protocol.people import Wire
from agent.protocol.work import BudgetLine, BudgetName


class Draw(Wire):
    """A running task wants to spend more from the budgets of its channel and of the day."""

    task: str
    channel: str
    spent_usd: float
    """Of the task so far, in all."""
    call_usd: float = 0.0
    """Its dearest call so far."""
    limits: list[BudgetLine]
    """Those the operator set."""
    raised: BudgetName | None = None
    """People raise this one for today, by `more_usd`."""
    more_usd: float = 0.0


class Drawn(Wire):
    granted_usd: float
    """What the task may have spent in all before it draws again."""
    reached: BudgetName | None = None
    """The budget in which nothing is left; nothing was granted then."""
    lines: list[BudgetLine] = []
    """As they are today: limits with what people added, and what was spent."""


class Settlement(Wire):
    """What a task has spent, and that it gives back the rest of what it drew."""

    task: str
    channel: str
    spent_usd: float
    """Of the task so far, in all."""
    ended: bool = True
    """False for a task that only waits for people."""
    cut_off: bool = False
    """What it used last is not known: all that it drew counts as spent."""


class Spending(Wire):
    """What the tasks of a workspace have cost today (UTC), as budgets count it."""

    date: str = ""
    """`2026-11-22`; empty before the first task."""
    day_usd: float = 0.0
    channels: dict[str, float] = {}
