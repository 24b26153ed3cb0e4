"""Owns the look of what people approve: a command, the steps of a plan, what is published.

It is shown whole and unparsed, or stands whole in a file beside the card, or cannot be approved.
"""

import re

from agent.protocol import ApprovalRequest, AskKind
from bot.views import blocks, mrkdwn, words
from bot.views.blocks import Block

COMMAND_CHARS = 8000
"""All blocks of a message together have a ceiling near 13,000 characters."""
PLAIN_COMMAND_CHARS = 2900
PLAN_LINE_CHARS = 2000
MOST_RULES = 8
_TITLE = re.compile(r"\d+\. ")
_TOTAL = re.compile(r" \d+ files? changed")
"""The last line of git's statistics."""

WHAT: dict[AskKind, str] = {
    "command": "command",
    "plan": "plan",
    "publish": "change",
    "question": "question",
    "budget": "question",
}


def render(request: ApprovalRequest, plain: bool) -> list[Block]:
    """What is approved: a command, a plan, or what is published."""
    if request.kind == "plan":
        titles = "\n".join(filter(_TITLE.match, request.detail.splitlines()))
        return _plan(request.detail) or [blocks.section(_left_out(request)), *_plan(titles)]
    parts = [_code(request.command, plain)]
    if request.kind == "command":
        return [*parts, blocks.context(" · ".join([_workdir(request), *_rules(request)]))]
    if request.detail and _fits(request, plain):
        parts.append(_code(request.detail, plain))
        if request.attached:
            parts.append(blocks.section(f"That is its beginning. {_in_file(request)}"))
    elif request.detail:
        parts.append(blocks.section(_left_out(request)))
    return parts


def can_be_read(request: ApprovalRequest, plain: bool) -> bool:
    """Whether people have all of it before them: on the card, or in a file beside it."""
    if request.kind == "plan":
        return not request.detail or bool(_plan(request.detail))
    in_file = bool(request.detail and request.attached)
    return _fits(request, plain) or (in_file and _is_whole(request.command, plain))


def _fits(request: ApprovalRequest, plain: bool) -> bool:
    shown = [request.command, request.detail] if request.kind == "publish" else [request.command]
    length = sum(len(mrkdwn.visible(text)) for text in shown)
    return length <= COMMAND_CHARS and all(_is_whole(text, plain) for text in shown)


def _is_whole(text: str, plain: bool) -> bool:
    shown = mrkdwn.visible(text)
    if plain:
        return "```" not in shown and len(mrkdwn.escape(shown)) <= PLAIN_COMMAND_CHARS
    return len(shown) <= COMMAND_CHARS


def _code(text: str, plain: bool) -> Block:
    shown = mrkdwn.visible(text)
    if plain:
        inner = mrkdwn.escape(shown.replace("```", "'''"), PLAIN_COMMAND_CHARS)
        return blocks.section(f"```{inner}```")
    if len(shown) > COMMAND_CHARS:
        rest = len(shown) - COMMAND_CHARS
        shown = f"{shown[:COMMAND_CHARS]}\n[{rest} more characters]"
    return blocks.preformatted(shown)


def _plan(detail: str) -> list[Block]:
    """The steps, a line each; nothing when they are too long to be shown whole."""
    written = [line for line in map(mrkdwn.one_line, detail.splitlines()) if line]
    lines = [_plan_line(line) for line in written]
    if sum(map(len, lines)) + len(lines) > COMMAND_CHARS:
        return []
    if any(len(line) > PLAN_LINE_CHARS for line in lines):
        return []
    sections = [""]
    for line in lines:
        if len(sections[-1]) + len(line) + 1 > blocks.SECTION_CHARS:
            sections.append("")
        sections[-1] = f"{sections[-1]}\n{line}".strip()
    return [blocks.section(text) for text in sections if text]


def _plan_line(line: str) -> str:
    """The title of a step stands out from what is said about it, and a line is above."""
    said = mrkdwn.from_markdown(line, blocks.SECTION_CHARS)
    if _TITLE.match(line):
        return f"\n{said}" if "*" in said else f"\n*{said}*"
    return f"\n{said}" if line.startswith("Assumed: ") else said


def _left_out(request: ApprovalRequest) -> str:
    """What is not on the card, how much it is, and where it can be read."""
    lines = request.detail.splitlines()
    much = words.plural(len(lines), "line")
    if request.kind == "publish" and request.attached:
        much = lines[-1].strip() if _TOTAL.match(lines[-1]) else much
    elif request.kind == "publish":
        added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
        removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
        files = sum(line.startswith("diff --git ") for line in lines)
        much = f"{words.plural(files, 'file')}, {added:,} lines added, {removed:,} removed"
    said = f"The {WHAT[request.kind]} is too long for a card: {much}."
    return f"{said} {_in_file(request)}" if request.attached else said


def _in_file(request: ApprovalRequest) -> str:
    name = mrkdwn.code(request.attached, 200)
    return f"It is whole in the file {name} in this thread: read that before you approve."


def _workdir(request: ApprovalRequest) -> str:
    """Where the command runs, said with the command."""
    if request.workdir in ("", "."):
        return "Runs in the project folder"
    return f"Runs in {mrkdwn.code(request.workdir, 200)}"


def _rules(request: ApprovalRequest) -> list[str]:
    """Which rules of the policy ask, for whoever keeps the policy."""
    rules = [rule for one in request.rules[:MOST_RULES] if (rule := mrkdwn.code(one, 80))]
    more = len(request.rules) - MOST_RULES
    if not rules:
        return []
    said = ", ".join(rules) + (f" and {more} more" if more > 0 else "")
    return [f"{'rule' if len(request.rules) == 1 else 'rules'} {said}"]
