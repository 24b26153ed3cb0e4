"""Owns how a raw request is read: who asks, what people said, which plan there is, what tools
answered.

It knows the agent's own wording (the sections of its opening item, the role line of its
instructions), because a script must find its place from the request alone.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from local.model.refusal import Json

Role = Literal["planner", "worker", "memory", "other"]

_SECTION = re.compile(
    r"^# (Said in the thread before you were mentioned|Earlier tasks in this thread"
    r"|Notes in the project for those who work on it|Summary of earlier work|Repository"
    r"|Messages|New messages|Plan so far|Plan|Goal|Assumptions|Your questions|What went wrong"
    r"|Files of the project|Summary so far|Finished tasks, oldest first)$",
    re.MULTILINE,
)
_MESSAGE = re.compile(
    r"^(?:<([^>\n]+)> |@.+? changed(?: “.*” to)?: |@.+? deleted (?:a message|the message “.*”)$)",
    re.MULTILINE,
)
_DELETED = re.compile(r"^@.+? deleted the message “(.*)”$", re.MULTILINE)
_STEP = re.compile(
    r"^- \[(\w+)\] (\S+) — (.+)(?:\n  (?!outcome: |done when: )(.*))?(?:\n  done when: (.*))?",
    re.MULTILINE,
)
_CURRENT = re.compile(r"^Current step: (\S+) — .*\n(.*)", re.MULTILINE)
_ASKED = re.compile(r"^- asked: (.*(?:\n(?!  \w+: |- asked: ).*)*)", re.MULTILINE)
_REMEMBERED = re.compile(r"^(?:> )?- asked: (.*)", re.MULTILINE)
_POINTS = re.compile(
    r"^\W*(?:please )?(?:build|make|do|code|write|implement) (?:this|that|it)\b\W*(?:please)?\W*$",
    re.IGNORECASE,
)
_PLACE = re.compile(r"call_t(\d+)c(\d+)_")


@dataclass(frozen=True)
class Row:
    """One step of the plan so far."""

    status: str
    id: str
    title: str
    detail: str = ""
    done_when: str = ""


@dataclass(frozen=True)
class Output:
    """What one tool call came to."""

    text: str

    @cached_property
    def data(self) -> Json:
        try:
            data = json.loads(self.text)
        except json.JSONDecodeError:
            return {}
        return data if isinstance(data, dict) else {}

    @property
    def error(self) -> str:
        return str(self.data.get("error") or "")

    @property
    def denied(self) -> bool:
        """People did not let this command run."""
        return self.error in ("denied", "not_approved", "forbidden")

    @property
    def passed(self) -> bool:
        """The command ran and ended well."""
        return self.data.get("exit_code") == 0

    @property
    def said(self) -> str:
        """What the command printed, or why it did not run."""
        return str(self.data.get("output") or self.data.get("detail") or self.text)

    def __contains__(self, words: str) -> bool:
        return words in self.text


@dataclass(frozen=True)
class Conversation:
    role: Role
    sections: dict[str, str] = field(default_factory=dict)
    current: str = ""
    """Id of the step to do now."""
    detail: str = ""
    """Its detail, as the plan gave it; the first line."""
    outputs: dict[tuple[int, int], Output] = field(default_factory=dict)
    """By (turn, call) of the script; calls a fault made up are not among them."""

    @cached_property
    def messages(self) -> list[str]:
        """What people wrote in this task, in order, without their names; what began the thread, in
        place of words that only point at it."""
        written = _messages(self.sections.get("Messages", "")) + self.news
        return [self.began or text if _POINTS.match(text) else text for text in written]

    @property
    def began(self) -> str:
        """What people had begun to talk about before we were mentioned."""
        said = _messages(self.sections.get("Said in the thread before you were mentioned", ""))
        return said[0].removeprefix("(not to you) ") if said else ""

    @property
    def news(self) -> list[str]:
        """What they wrote since the plan was made."""
        return _messages(self.sections.get("New messages", ""))

    @property
    def taken_back(self) -> list[str]:
        """What they deleted since then."""
        return _DELETED.findall(self.sections.get("New messages", ""))

    @cached_property
    def asked_before(self) -> list[str]:
        """Requests of earlier tasks in the thread."""
        earlier = self.sections.get("Earlier tasks in this thread", "")
        summary = self.sections.get("Summary of earlier work", "")
        return [*_REMEMBERED.findall(summary), *(m.strip() for m in _ASKED.findall(earlier))]

    @property
    def memory(self) -> str:
        """The new summary of a thread: what was asked, by which a script finds its place."""
        parts = ("Summary so far", "Finished tasks, oldest first")
        text = "\n".join(self.sections.get(part, "") for part in parts)
        return "\n".join(f"- asked: {asked}" for asked in _REMEMBERED.findall(text))

    @cached_property
    def rows(self) -> list[Row]:
        text = self.sections.get("Plan so far") or self.sections.get("Plan") or ""
        return [Row(*match) for match in _STEP.findall(text)]

    @property
    def files(self) -> list[str]:
        return self.sections.get("Files of the project", "").splitlines()

    @property
    def answers(self) -> str:
        """What the planner had asked, and what people chose."""
        return self.sections.get("Your questions", "")

    @property
    def trouble(self) -> str:
        """Why a step of the plan so far could not be done."""
        quoted = self.sections.get("What went wrong", "").splitlines()
        return " ".join(line.removeprefix("> ").strip() for line in quoted)

    @property
    def all_said(self) -> str:
        return "\n".join([*self.asked_before, *self.messages])


def read(request: Json) -> Conversation:
    """Never fails: what it cannot find stays empty."""
    items = request["input"]
    opening = next((_text(item) for item in items if item.get("role") == "user"), "")
    current = _CURRENT.search(opening)
    return Conversation(
        role=_role(str(request.get("instructions") or "")),
        sections=_sections(opening[: current.start()] if current else opening),
        current=current.group(1) if current else "",
        detail=current.group(2) if current else "",
        outputs={
            (int(place.group(1)), int(place.group(2))): Output(str(item["output"]))
            for item in items
            if item.get("type") == "function_call_output"
            and (place := _PLACE.match(item["call_id"]))
        },
    )


def _role(instructions: str) -> Role:
    roles: tuple[Role, ...] = ("planner", "worker", "memory")
    return next((role for role in roles if f"role: {role}" in instructions), "other")


def _sections(text: str) -> dict[str, str]:
    parts = _SECTION.split(text)
    return {
        title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }  # headings of people come first, ours win


def _messages(section: str) -> list[str]:
    return [text.strip() for text in _MESSAGE.split(section)[2::2] if text.strip()]


def _text(item: Json) -> str:
    content = item.get("content")
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content or [])
