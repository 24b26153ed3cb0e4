"""Owns the log of Web API calls: bounded, in memory, for tests and for people who wonder."""

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass

from local.slack.state import Json


@dataclass(frozen=True)
class LoggedCall:
    method: str
    args: Json
    ok: bool
    error: str
    """Slack's word; empty for a call that went well."""

    at: float
    """Unix seconds."""


class CallLog:
    """The last calls in order, and how many of each method there ever were."""

    def __init__(self, size: int = 5000) -> None:
        self._calls: deque[LoggedCall] = deque(maxlen=size)
        self._counts: Counter[str] = Counter()

    def record(self, method: str, args: Json, answer: Json) -> None:
        ok = answer.get("ok") is True
        error = "" if ok else str(answer.get("error", ""))
        self._calls.append(LoggedCall(method, args, ok, error, time.time()))
        self._counts[method] += 1

    def as_json(self, method: str | None = None) -> Json:
        calls = [asdict(call) for call in self._calls if method in (None, call.method)]
        return {"ok": True, "calls": calls, "counts": dict(self._counts)}
