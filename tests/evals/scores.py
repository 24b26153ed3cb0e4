"""Owns how an evaluation is scored and told: a line per case, a table, one JSON line at the end."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Score:
    suite: str
    name: str
    passed: bool
    outcome: str = ""
    """How the last task ended."""
    turns: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0
    """None when a call had no known price."""
    seconds: float = 0.0
    late_writes: int = 0
    """Writes of stopped work after newer work had begun."""
    why: str = ""
    """What the check printed, when it failed."""


def line(score: Score) -> str:
    cost = "unpriced" if score.cost_usd is None else f"${score.cost_usd:.3f}"
    state = "pass" if score.passed else "FAIL"
    told = f"{state}  {score.suite:<10} {score.name:<36} {score.turns:>3} turns"
    told += f" {score.tokens:>8} tokens"
    why = "" if score.passed else f"\n      {score.outcome}: {_last_lines(score.why)}"
    return f"{told}  {cost:>9} {score.seconds:>6.1f} s{why}"


def summary(scores: Iterable[Score], model: str) -> str:
    """One JSON object: rates and sums by suite."""
    by_suite: dict[str, list[Score]] = {}
    for score in scores:
        by_suite.setdefault(score.suite, []).append(score)
    told = {"model": model, "suites": {name: _sums(found) for name, found in by_suite.items()}}
    return json.dumps(told)


def as_json(scores: Iterable[Score]) -> str:
    return json.dumps([asdict(score) for score in scores], indent=1)


def _sums(scores: list[Score]) -> dict[str, object]:
    costs = [score.cost_usd for score in scores]
    return {
        "cases": len(scores),
        "passed": sum(score.passed for score in scores),
        "pass_rate": round(sum(score.passed for score in scores) / len(scores), 3),
        "turns": sum(score.turns for score in scores),
        "tokens": sum(score.tokens for score in scores),
        "cost_usd": None if None in costs else round(sum(cost or 0 for cost in costs), 4),
        "seconds": round(sum(score.seconds for score in scores), 1),
        "late_writes": sum(score.late_writes for score in scores),
    }


def _last_lines(text: str, lines: int = 6) -> str:
    return "\n      ".join(text.strip().splitlines()[-lines:])
