"""Owns the look of a question to people: a command to approve, or a choice to make.

The command is shown whole and unparsed, or it cannot be approved. Once decided the buttons are gone
and the card opens with who decided, what and when; the command stays.
"""

import json
from dataclasses import dataclass

from agent.protocol import ApprovalBody, ApprovalOutcome, ApprovalRequest
from bot import names
from bot.views import blocks, mrkdwn
from bot.views.blocks import Block, Rendered

COMMAND_CHARS = 8000
"""All blocks of a message together have a ceiling near 13,000 characters."""
PLAIN_COMMAND_CHARS = 2900
MOST_OPTIONS = 10
MOST_MENTIONS = 20
SAID_CHARS = 500


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
    head = _head(request)
    closed = blocks.section(outcome_line(outcome)) if outcome else None
    is_command = request.kind == "command"
    parts: list[Block] = [closed if closed and is_command else blocks.section(f"*{head}*")]
    if why := mrkdwn.from_markdown(request.question, 2000):
        parts.append(blocks.section(why))
    if is_command:
        parts += [_command(request.command, plain), blocks.context(_workdir(request))]
    if closed is None:
        parts += _open(request, plain)
    elif not is_command:
        parts.append(closed)  # an answer stands below its question
    return Rendered(text=_fallback(head, request, outcome), blocks=parts)


def outcome_line(outcome: ApprovalOutcome) -> str:
    """Who decided, what, and when; also told to whoever clicks later."""
    at = f", {mrkdwn.date(outcome.at)}" if outcome.at else ""
    who = mrkdwn.mention(outcome.by.user_id) if outcome.by else ""
    by = f" by {who}" if who else ""
    said = _quoted(outcome.message or outcome.answer)
    match outcome.verdict:
        case "approved":
            return f"*Approved*{by}{at}"
        case "denied":
            return f"*Denied*{by}{at}{f': {said}' if said else ''}"
        case "answered":
            return f"*Answered*{by}{at}: {said}"
        case "expired":
            return f"*Expired* without an answer{at}. Nothing was run."
        case "withdrawn" if who and outcome.message:
            return f"*Withdrawn*{at}: {who} wrote something new."
        case "withdrawn" if who:
            return f"*Withdrawn*{at}: {who} stopped the work."
        case "withdrawn":
            return f"*Withdrawn*{at}: no answer is needed any more."


def _quoted(said: str) -> str:
    """What somebody chose or wrote, as they wrote it, on one line."""
    line = mrkdwn.one_line(mrkdwn.visible(said))
    return f"“{mrkdwn.escape(line, SAID_CHARS)}”" if line else ""


def _head(request: ApprovalRequest) -> str:
    if request.kind == "question":
        return "Question"
    return "Approval by a second person" if request.four_eyes else "Approval needed"


def _open(request: ApprovalRequest, plain: bool) -> list[Block]:
    who = f"{_who(request)} · open until {mrkdwn.date(request.expires_at)}"
    if request.kind == "question":
        how = "Choose, or reply here in your own words." if request.options else "Reply here."
        return [*_choices(request), _lines(who, how)]
    how = "Or reply here: that denies it and tells me what to do instead."
    if request.four_eyes:
        asker = mrkdwn.mention(request.requester.user_id)
        how = f"{asker} asked for it, so may deny it but not approve it.\n{how}"
    deny = blocks.button("Deny", names.DENY, request.approval, "danger")
    if not _shown_whole(request.command, plain):
        how = f"The command is too long to be shown whole, so it can only be denied.\n{how}"
        return [blocks.actions(deny), _lines(who, how)]
    approve = blocks.button("Approve", names.APPROVE, request.approval, "primary")
    return [blocks.actions(approve, deny), _lines(who, how)]


def _lines(*lines: str) -> Block:
    return blocks.context("\n".join(lines))


def _choices(request: ApprovalRequest) -> list[Block]:
    """One button per option; options too long for a button are listed above numbered buttons."""
    packed = [(option, Choice(request.approval, option).pack()) for option in request.options]
    fitting = [
        (o, value) for o, value in packed if mrkdwn.one_line(o) and len(value) <= blocks.VALUE_CHARS
    ]
    fitting = fitting[:MOST_OPTIONS]
    if not fitting:
        return []
    long = any(len(option) > blocks.BUTTON_CHARS for option, _ in fitting)
    buttons = [
        blocks.button(
            f"Option {n}" if long else mrkdwn.one_line(option), f"{names.ANSWER}:{n}", value
        )
        for n, (option, value) in enumerate(fitting, start=1)
    ]
    if not long:
        return [blocks.actions(*buttons)]
    listed = [
        f"{n}. {mrkdwn.escape(mrkdwn.one_line(o), 500)}"
        for n, (o, _) in enumerate(fitting, start=1)
    ]
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


def _workdir(request: ApprovalRequest) -> str:
    """Where the command runs, said with the command."""
    if request.workdir in ("", "."):
        return "Runs in the project folder"
    return f"Runs in {mrkdwn.code(request.workdir, 200)}"


def _who(request: ApprovalRequest) -> str:
    """The people who may answer, mentioned: they are being asked."""
    asker = request.requester.user_id
    others = [one for one in dict.fromkeys(request.approvers) if one != asker]
    if not request.four_eyes:
        return f"For {_mentions([asker, *others])}"
    if others:
        return f"For {_mentions(others)}"
    if request.approvers:
        return "Nobody else is named who could approve it"
    return "For any other member of this workspace"


def _mentions(ids: list[str]) -> str:
    shown = ", ".join(map(mrkdwn.mention, ids[:MOST_MENTIONS]))
    return f"{shown} and {len(ids) - MOST_MENTIONS} more" if len(ids) > MOST_MENTIONS else shown


def _fallback(head: str, request: ApprovalRequest, outcome: ApprovalOutcome | None) -> str:
    what = request.command or request.question
    said = f"{head}: {mrkdwn.escape(mrkdwn.one_line(mrkdwn.visible(what)), 1000)}"
    return f"{said} – {_plainly(outcome)}" if outcome else said


def _plainly(outcome: ApprovalOutcome) -> str:
    if outcome.by is None:
        return outcome.verdict
    said = _quoted(outcome.message or outcome.answer) if outcome.verdict != "withdrawn" else ""
    by = mrkdwn.name(outcome.by.user_id, outcome.by.name)
    return f"{outcome.verdict} by {by}{f': {said}' if said else ''}"
