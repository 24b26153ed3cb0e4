"""Owns the two ways to say no: to the app as Slack would, to a person in one sentence."""

from typing import Any


class SlackError(Exception):
    """A Web API call that fails: becomes `{"ok": false, "error": code, ...}`."""

    def __init__(self, code: str, problems: list[str] | None = None, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.problems = problems or []
        self.extra = extra

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"ok": False, "error": self.code, **self.extra}
        if self.problems:
            answer["errors"] = self.problems
            messages = [f"[ERROR] {problem}" for problem in self.problems]
            answer["response_metadata"] = {"messages": messages}
        return answer


class RateLimited(Exception):
    """A Web API call that came too soon; it may come again after so many seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"again after {seconds} s")
        self.seconds = seconds


class Refused(Exception):
    """A person may not do this here; the message says why and, where it can, what to do."""
