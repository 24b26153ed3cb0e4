"""Owns the look of a question to people: a command to approve, or a choice to make.

The command is shown whole and unparsed, or it cannot be approved. Once decided the buttons are gone
and the card says who decided and when; the command stays.
"""

import json
from dataclasses import dataclass

from agent.protocol import ApprovalBody, ApprovalOutcome, ApprovalRequest, Person
from bot import names
from bot.views import blocks, mrkdwn
from bot.views.blocks import Block, Rendered

COMMAND_CHARS = 8000
"""All blocks of a message together have a ceiling near 13,000 characters."""
PLAIN_COMMAND_CHARS = 2900
MOST_OPTIONS = 10


@dataclass(frozen=True)
class Choice:
    """What a button of a question carries."""

    approval: str
    answer: str

    def pack(self) -> str:
        return json.dumps([self.approval, self.answer], ensure_ascii=False)

    @classmethod
    def unpack(cls, value: str) -> "Choice":
        """Raises ValueError for a value that is not ours."""
        parts = json.loads(value)
        if not isinstance(parts, list) or len(parts) != 2:
            raise ValueError("This button does not carry an answer.")
        return cls(approval=str(parts[0]), answer=str(parts[1]))


def render(body: ApprovalBody, plain: bool = False) -> Rendered:
    """`plain` uses sections alone, should Slack refuse the richer blocks."""
    request, outcome = body.request, body.outcome
    head = _head(body)
    parts: list[Block] = [blocks.section(f"*{head}*")]
    if request.question.strip():
        parts.append(blocks.section(mrkdwn.from_markdown(request.question, 2000)))
    if request.command:
        parts.append(_command(request.command, plain))
    if outcome is None:
        parts.extend(_open(request, plain))
    else:
        parts.append(_footer(outcome_line(outcome), _workdir(request)))
    return Rendered(text=_fallback(head, request, outcome), blocks=parts)


def outcome_line(outcome: ApprovalOutcome) -> str:
    """Who decided, what, and when; also told to whoever clicks later."""
    at = f", {mrkdwn.date(outcome.at)}" if outcome.at else ""
    by = f" by {mrkdwn.mention(outcome.by.user_id)}" if outcome.by else ""
    match outcome.verdict:
        case "approved":
            return f"*Approved*{by}{at}"
        case "denied":
            return f"*Denied*{by}{at}"
        case "answered":
            return f"*Answered*{by}{at}: {mrkdwn.escape(mrkdwn.one_line(outcome.answer), 300)}"
        case "expired":
            return f"*Expired* without an answer{at}. Nothing was run."
        case "withdrawn":
            return f"*Withdrawn*{at}: no answer is needed any more."


def _head(body: ApprovalBody) -> str:
    if body.request.kind == "question":
        return "Question"
    return "Approval" if body.outcome else "Approval needed"


def _open(request: ApprovalRequest, plain: bool) -> list[Block]:
    lines = [_workdir(request), _who(request), _until(request)]
    if request.kind == "question":
        return [*_choices(request), _footer(*lines, "or say it in a reply")]
    deny = blocks.button("Deny", names.DENY, request.approval, "danger")
    if not _shown_whole(request.command, plain):
        lines.append("too long to be shown whole, so it can only be denied")
        return [blocks.actions(deny), _footer(*lines)]
    approve = blocks.button("Approve", names.APPROVE, request.approval, "primary")
    return [blocks.actions(approve, deny), _footer(*lines)]


def _choices(request: ApprovalRequest) -> list[Block]:
    """One button per option; options too long for a button are listed above numbered buttons."""
    packed = [(option, Choice(request.approval, option).pack()) for option in request.options]
    fitting = [(o, value) for o, value in packed if o.strip() and len(value) <= blocks.VALUE_CHARS]
    fitting = fitting[:MOST_OPTIONS]
    if not fitting:
        return []
    long = any(len(option) > blocks.BUTTON_CHARS for option, _ in fitting)
    buttons = [
        blocks.button(f"Option {n}" if long else option, f"{names.ANSWER}:{n}", value)
        for n, (option, value) in enumerate(fitting, start=1)
    ]
    if not long:
        return [blocks.actions(*buttons)]
    listed = [f"{n}. {mrkdwn.escape(o, 500)}" for n, (o, _) in enumerate(fitting, start=1)]
    return [*(blocks.section(line) for line in listed), blocks.actions(*buttons)]


def _shown_whole(command: str, plain: bool) -> bool:
    shown = mrkdwn.visible(command)
    if plain:
        return "```" not in shown and len(mrkdwn.escape(shown)) <= PLAIN_COMMAND_CHARS
    return len(shown) <= COMMAND_CHARS


def _command(command: str, plain: bool) -> Block:
    shown = mrkdwn.visible(command)
    if plain:
        inner = mrkdwn.escape(shown.replace("```", "'''"), PLAIN_COMMAND_CHARS)
        return blocks.section(f"```{inner}```")
    if len(shown) > COMMAND_CHARS:
        rest = len(shown) - COMMAND_CHARS
        shown = f"{shown[:COMMAND_CHARS]}\n[{rest} more characters]"
    return blocks.preformatted(shown)


def _footer(*parts: str) -> Block:
    line = " · ".join(part for part in parts if part)
    return blocks.context(line[:1].upper() + line[1:])


def _workdir(request: ApprovalRequest) -> str:
    if not request.command:
        return ""
    if request.workdir in ("", "."):
        return "in the project folder"
    return f"in {mrkdwn.code(request.workdir, 200)}"


def _who(request: ApprovalRequest) -> str:
    """The people who may answer, mentioned: they are being asked."""
    ids = dict.fromkeys([request.requester.user_id, *request.approvers])
    return "for " + ", ".join(mrkdwn.mention(user_id) for user_id in list(ids)[:20])


def _until(request: ApprovalRequest) -> str:
    return f"open until {mrkdwn.date(request.expires_at)}"


def _fallback(head: str, request: ApprovalRequest, outcome: ApprovalOutcome | None) -> str:
    what = request.command or request.question
    said = f"{head}: {mrkdwn.escape(mrkdwn.one_line(mrkdwn.visible(what)), 1000)}"
    return f"{said} – {_plainly(outcome)}" if outcome else said


def _plainly(outcome: ApprovalOutcome) -> str:
    by: Person | None = outcome.by
    return f"{outcome.verdict} by {mrkdwn.name(by.user_id, by.name)}" if by else outcome.verdict
