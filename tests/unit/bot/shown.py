"""Bodies as the agent sends them, and what is read off the messages they become."""

from typing import Any

from agent import protocol as p
from bot.views.blocks import Rendered
from tests.unit.bot.slack_rules import parsed_texts

THREAD = p.ThreadRef(team="T0LOCAL", channel="C0BUILD", root_ts="1712000000.000100")
ANA = p.Person(user_id="U0ANA", name="ana")
BEN = p.Person(user_id="U0BEN", name="ben")
APPROVAL = f"{THREAD.key}/1/abcdef"


def ask(**more: Any) -> p.ApprovalRequest:
    given_: dict[str, Any] = {
        "approval": APPROVAL,
        "thread": THREAD,
        "question": "It deletes files.",
        "command": "rm -rf build && echo '<!channel> *x*'",
        "requester": ANA,
        "approvers": ["U0BEN", "U0ANA", "S0OPS"],
        "expires_at": 1712009000.0,
    }
    return p.ApprovalRequest(**(given_ | more))


def budget_card(**more: Any) -> p.ApprovalRequest:
    line = p.BudgetLine(name="task", limit_usd=5, spent_usd=5.031)
    options = ["Continue with $2.00 more", "Use gpt-cheap, with $2.00 more", "Stop"]
    given_ = {"kind": "budget", "command": "", "question": "It is used up.", "budget": line}
    return ask(**(given_ | {"options": options} | more))


def kinds(message: Rendered) -> list[str]:
    return [block["type"] for block in message.blocks]


def buttons(message: Rendered) -> list[tuple[str, str]]:
    return [
        (element["text"]["text"], element["value"])
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def texts(message: Rendered) -> list[str]:
    return list(parsed_texts(message.blocks))
