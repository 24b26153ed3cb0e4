"""Owns how numbers and people read in Slack: durations, ages, tokens, money, lists of names."""

from collections.abc import Sequence

from agent.protocol import BudgetLine, BudgetName, Person, Usage
from bot.views import mrkdwn

BAR = 10
_BUDGETS: dict[BudgetName, str] = {
    "task": "this task",
    "thread": "this thread",
    "channel": "this channel today",
    "day": "the workspace today",
}


def duration(seconds: float) -> str:
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def age(seconds: float) -> str:
    """How long ago, roughly."""
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    days = int(seconds // 86_400)
    return "yesterday" if days == 1 else f"{days} days ago"


def cost(usage: Usage) -> str:
    """What has no known price is said beside what has one; what is an estimate is called so."""
    about = "about " if usage.cut_off and usage.known_usd >= 0.01 else ""
    if usage.cost_usd is None:
        known = usage.known_usd
        return f"{about}{dollars(known)} and calls of unknown price" if known else "price unknown"
    return about + dollars(usage.cost_usd)


def dollars(usd: float) -> str:
    if usd == 0:
        return "$0"
    return f"${usd:.2f}" if usd >= 0.01 else "under $0.01"


def budget(line: BudgetLine) -> str:
    """A bar, and the same in words: "█████░░░░░ $2.50 of $5.00 for this task"."""
    share = line.spent_usd / line.limit_usd if line.limit_usd > 0 else 1.0
    full = min(int(share * BAR), BAR)
    bar = "█" * full + "░" * (BAR - full)
    return f"{bar} {spent(line)}"


def spent(line: BudgetLine) -> str:
    return f"{dollars(line.spent_usd)} of ${line.limit_usd:.2f} for {_BUDGETS[line.name]}"


def tokens(usage: Usage) -> str:
    return f"{usage.input + usage.output:,} tokens"


def names(people: Sequence[Person], most: int = 5) -> str:
    """Escaped display names; a mention only where the name is unknown."""
    shown = [mrkdwn.name(person.user_id, person.name) for person in people[:most]]
    if len(people) > most:
        shown.append(f"{len(people) - most} more")
    return ", ".join(shown)


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
