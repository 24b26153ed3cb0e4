"""Owns what people are told of money and time: which budget was reached, and how work ended."""

from agent import protocol as p

_NAMED: dict[p.BudgetName, str] = {
    "task": "the budget of this task",
    "thread": "the budget of this thread",
    "channel": "today's budget of this channel",
    "day": "today's budget of the workspace",
}


def named(line: p.BudgetLine) -> str:
    return f"{_NAMED[line.name]} (${line.limit_usd:.2f})"


def reached(line: p.BudgetLine, allowance: p.Allowance, model: str) -> str:
    """Which budget, and on what it was spent; how much of it stands beside it on the card."""
    said = [f"{_capital(_NAMED[line.name])} is used up, lately by calls of {model}."]
    if line.name != "task":
        said.append(f"This task has cost {spent(allowance.counted_usd)} of it.")
    if line.spent_usd < line.limit_usd:
        said.append("The rest is set aside for work that is under way elsewhere.")
    if allowance.unpriced_tokens:
        rate = allowance.assumed_usd / allowance.unpriced_tokens * 1e6
        said.append(
            f"{allowance.unpriced_tokens:,} tokens were of a model whose price is not known; they "
            f"are counted at ${rate:.2f} per million."
        )
    if line.name in ("channel", "day"):
        said.append("At 00:00 UTC a new day begins; a reply here then goes on without more.")
    return " ".join(said)


def out_of_quota(sentence: str) -> str:
    """Args: `sentence` is what the provider's refusal means."""
    return f"{sentence} The work waits, and nothing of it is lost."


def stopped(outcome: p.ApprovalOutcome, why: str) -> str:
    who = outcome.by.name or f"<@{outcome.by.user_id}>" if outcome.by else "somebody"
    return f"{who} stopped the work {why}. What is done so far is kept; write again to go on."


def nobody_answered(seconds: int, why: str) -> str:
    return (
        f"The work stopped {why}, and nobody answered within {long(seconds)}. What is done so far "
        "is kept; write again, and I ask again."
    )


def spent(usd: float) -> str:
    """Exact enough that what passed a budget by a little does not read as the budget itself."""
    return f"${usd:.2f}" if usd >= 1 else f"${usd:.4f}".rstrip("0").ljust(5, "0")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def long(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        count = round(seconds / length)
        if count >= 1:
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"
