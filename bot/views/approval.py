"""Owns the look of a question to people: an action to approve, a plan, a budget, a choice to make.

Once decided the buttons are gone and the card says who decided, what and when; what was approved
stays. The steps of a plan stand on the card only while it asks, and in the plan message from then
on.
"""

import json
from dataclasses import dataclass

from agent.protocol import ApprovalBody, ApprovalOutcome, ApprovalRequest, AskKind
from bot import names
from bot.views import action, blocks, mrkdwn, words
from bot.views.blocks import Block, Rendered

MOST_OPTIONS = 10
MOST_MENTIONS = 20
SAID_CHARS = 500

_HEADS: dict[AskKind, str] = {
    "command": "Approval needed",
    "question": "Question",
    "plan": "Approve this plan?",
    "budget": "Budget reached",
    "publish": "Publish this?",
}
_IF_EXPIRED: dict[AskKind, str] = {
    "command": " Nothing was run.",
    "question": "",
    "plan": " Nothing was begun.",
    "budget": " Nothing more was spent.",
    "publish": " Nothing was published.",
}
_CONSENT = "Approving covers these steps: I ask again for others, and before anything risky."
_IF_CHOSEN = {"Continue": "Continued", "Use": "Now uses", "Stop": "Stopped", "Try": "Tried"}
"""How the first word of an answer about money reads once it is given."""


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
    closed = blocks.section(outcome_line(outcome, request.kind)) if outcome else None
    decided = request.is_decided
    parts: list[Block] = [closed if closed and decided else blocks.section(f"*{head}*")]
    if why := mrkdwn.from_markdown(request.question, 2000):
        parts.append(blocks.section(why))
    if request.budget is not None:
        parts.append(blocks.context(words.budget(request.budget)))
    if decided and not (closed and request.kind == "plan"):
        parts += action.render(request, plain)
    if closed is None:
        parts += _open(request, plain)
    elif not decided:
        parts.append(closed)  # an answer stands below its question
    return Rendered(text=_fallback(head, request, outcome), blocks=parts)


def outcome_line(outcome: ApprovalOutcome, kind: AskKind = "command") -> str:
    """Who decided, what, and when; also told to whoever clicks later."""
    at = f", {mrkdwn.date(outcome.at)}" if outcome.at else ""
    who = mrkdwn.mention(outcome.by.user_id) if outcome.by else ""
    by = f" by {who}" if who else ""
    said = _quoted(outcome.message or outcome.answer)
    subject = "Plan " if kind == "plan" else ""
    match outcome.verdict:
        case "approved":
            return f"*{f'{subject}approved'.capitalize()}*{by}{at}"
        case "denied" if kind == "plan" and said:
            return f"*Changes to the plan*{by}{at}: {said}"
        case "denied":
            return f"*{f'{subject}denied'.capitalize()}*{by}{at}{f': {said}' if said else ''}"
        case "answered" if kind == "budget":
            return _about_money(outcome, f"{by}{at}")
        case "answered":
            return f"*Answered*{by}{at}: {said}"
        case "expired":
            return f"*Expired* without an answer{at}.{_IF_EXPIRED[kind]}"
        case "withdrawn":
            return f"*Withdrawn*{at}: {_withdrawn(outcome, who)}."


def _withdrawn(outcome: ApprovalOutcome, who: str) -> str:
    if not who:
        return "no answer is needed any more"
    return f"{who} wrote something new" if outcome.message else f"{who} stopped the work"


def _about_money(outcome: ApprovalOutcome, by: str) -> str:
    """What somebody chose; what somebody wrote spends nothing."""
    if outcome.message:
        said = _quoted(outcome.message)
        return f"*Answered in writing*{by}: {said}. Only a button spends more, so I ask again."
    chosen_by = f": chosen{by}" if outcome.answer.startswith("Use ") else by
    return f"*{_chosen(outcome.answer)}*{chosen_by}"


def _chosen(answer: str) -> str:
    first, _, rest = mrkdwn.one_line(answer).partition(" ")
    said = f"{_IF_CHOSEN.get(first, first)} {rest}".strip().replace("*", "")
    return mrkdwn.escape(said, SAID_CHARS) or "Answered"


def _quoted(said: str) -> str:
    """What somebody chose or wrote, as they wrote it, on one line."""
    line = mrkdwn.one_line(mrkdwn.visible(said))
    return f"“{mrkdwn.escape(line, SAID_CHARS)}”" if line else ""


def _head(request: ApprovalRequest) -> str:
    if request.kind == "budget" and request.budget is None:
        return "The provider's account is used up"
    if request.is_decided and request.kind != "plan" and request.four_eyes:
        return "Approval by a second person"
    return _HEADS[request.kind]


def _open(request: ApprovalRequest, plain: bool) -> list[Block]:
    who = f"{_who(request)} · open until {mrkdwn.date(request.expires_at)}"
    if request.kind == "budget":
        how = "A reply here makes a new plan, and I ask again if it is still so."
        if request.budget is not None:
            how = "Only a button spends more. A reply here makes a new plan, and I ask again."
        return [*_choices(request), _lines(who, how)]
    if request.kind == "question":
        how = "Choose, or reply here in your own words." if request.options else "Reply here."
        return [*_choices(request), _lines(who, how)]
    how = "Or reply here: that denies it and tells me what to do instead."
    if request.kind == "plan":
        how = f"{_CONSENT}\nOr reply here to change it."
    if request.four_eyes:
        asker = mrkdwn.mention(request.requester.user_id)
        how = f"{asker} asked for it, so may deny it but not approve it.\n{how}"
    deny = blocks.button("Deny", names.DENY, request.approval, "danger")
    if not action.can_be_read(request, plain):
        what = action.WHAT[request.kind]
        how = f"The {what} is too long to be shown whole, so it can only be denied.\n{how}"
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


def _who(request: ApprovalRequest) -> str:
    """The people who may answer, mentioned: they are being asked."""
    asker = request.requester.user_id
    others = [one for one in dict.fromkeys(request.approvers) if one != asker]
    if request.approvers_only and request.approvers:
        return f"For {_mentions(list(dict.fromkeys(request.approvers)))}"
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
    head = head if head.endswith("?") else f"{head}:"
    said = f"{head} {mrkdwn.escape(mrkdwn.one_line(mrkdwn.visible(what)), 1000)}"
    if request.budget is not None:
        said = f"{said} {words.spent(request.budget)}"
    return f"{said} – {_plainly(outcome)}" if outcome else said


def _plainly(outcome: ApprovalOutcome) -> str:
    if outcome.by is None:
        return outcome.verdict
    said = _quoted(outcome.message or outcome.answer) if outcome.verdict != "withdrawn" else ""
    by = mrkdwn.name(outcome.by.user_id, outcome.by.name)
    return f"{outcome.verdict} by {by}{f': {said}' if said else ''}"
