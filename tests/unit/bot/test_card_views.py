"""How the cards of plans, publications and budgets look, open and decided."""

import json
from typing import Any

import pytest

from agent import protocol as p
from bot.views import render
from bot.views.approval import outcome_line
from tests.unit.bot.shown import ANA, APPROVAL, THREAD, ask, budget_card, buttons, texts
from tests.unit.bot.slack_rules import assert_presentable

STEPS = (
    "1. *Set up* the project\n2. Write the parser <!channel>\n   In C\n3. Test it\nAssumed: Linux"
)
DIFF = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n-old\n+new\n+newer"


def test_a_plan_is_shown_whole_to_be_approved_or_changed_in_writing() -> None:
    request = ask(kind="plan", command="", question="A to-do CLI", detail=STEPS)
    message = render(p.ApprovalBody(request=request), THREAD.key)
    said = texts(message)
    assert said[:2] == ["*Approve this plan?*", "A to-do CLI"]
    first, *rest = said[2].split("\n\n")
    assert first == "1. *Set up* the project"  # has bold words of its own
    assert rest == [
        "*2. Write the parser &lt;!channel&gt;*\nIn C",
        "*3. Test it*",
        "Assumed: Linux",
    ]
    assert buttons(message) == [("Approve", APPROVAL), ("Deny", APPROVAL)]
    assert "Approving covers these steps" in said[-1]
    assert said[-1].endswith("Or reply here to change it.")
    assert message.text == "Approve this plan? A to-do CLI"


@pytest.mark.parametrize("verdict", ["approved", "denied", "withdrawn", "expired"])
def test_the_steps_of_a_decided_plan_stand_in_the_plan_message_alone(
    verdict: p.Verdict,
) -> None:
    request = ask(kind="plan", command="", question="A to-do CLI", detail=STEPS)
    outcome = p.ApprovalOutcome(verdict=verdict, by=ANA)
    message = render(p.ApprovalBody(request=request, outcome=outcome), THREAD.key)
    assert texts(message) == [outcome_line(outcome, "plan"), "A to-do CLI"]


def test_a_plan_too_long_for_a_card_shows_its_titles_and_can_only_be_denied() -> None:
    steps = "\n".join(f"{n}. Step {n}\n   {'& a long step ' * 9}" for n in range(1, 71))
    request = ask(kind="plan", command="", detail=steps)
    message = render(p.ApprovalBody(request=request), THREAD.key)
    assert "*70. Step 70*" in json.dumps(message.blocks)
    assert buttons(message) == [("Deny", APPROVAL)]
    assert_presentable(message, groups=True)


def test_what_is_published_is_named_exactly_with_its_whole_difference() -> None:
    request = ask(kind="publish", command="push 1 commit to main of a/b", detail=DIFF)
    message = render(p.ApprovalBody(request=request), THREAD.key)
    shown = [
        b["elements"][0]["elements"][0]["text"]
        for b in message.blocks
        if "elements" in b and b["type"] == "rich_text"
    ]
    assert shown == ["push 1 commit to main of a/b", DIFF]
    assert texts(message)[0] == "*Publish this?*"
    assert buttons(message)[0] == ("Approve", APPROVAL)


@pytest.mark.parametrize("plain", [False, True])
def test_a_difference_too_long_for_a_card_is_approved_only_with_the_file_beside_it(
    plain: bool,
) -> None:
    long = ask(kind="publish", command="push", detail=DIFF + "\n+more" * 3000)
    message = render(p.ApprovalBody(request=long), THREAD.key, plain=plain)
    much = "1 file, 3,002 lines added, 1 removed"
    assert buttons(message) == [("Deny", APPROVAL)]
    assert f"The change is too long for a card: {much}." in texts(message)
    attached = long.model_copy(update={"attached": "change.diff"})
    message = render(p.ApprovalBody(request=attached), THREAD.key, plain=plain)
    assert buttons(message)[0] == ("Approve", APPROVAL)
    assert "It is whole in the file `change.diff` in this thread" in json.dumps(message.blocks)


def test_a_budget_card_says_what_was_spent_of_what_and_offers_the_ways_on() -> None:
    message = render(p.ApprovalBody(request=budget_card()), THREAD.key)
    said = texts(message)
    assert said[:3] == [
        "*Budget reached*",
        "It is used up.",
        "██████████ $5.03 of $5.00 for this task",
    ]
    assert [label for label, _ in buttons(message)] == budget_card().options
    assert "Only a button spends more." in said[-1]
    assert message.text == "Budget reached: It is used up. $5.03 of $5.00 for this task"
    empty = render(p.ApprovalBody(request=budget_card(budget=None)), THREAD.key)
    assert texts(empty)[0] == "*The provider's account is used up*"


def test_a_card_of_shared_money_calls_only_those_who_may_answer() -> None:
    message = render(p.ApprovalBody(request=budget_card(approvers_only=True)), THREAD.key)
    assert texts(message)[-1].startswith("For <@U0BEN>, <@U0ANA>, <!subteam^S0OPS> · ")
    only_ben = budget_card(approvers_only=True, approvers=["U0BEN"])
    assert texts(render(p.ApprovalBody(request=only_ben), THREAD.key))[-1].startswith(
        "For <@U0BEN> · "
    )


@pytest.mark.parametrize(
    ("kind", "outcome", "line"),
    [
        ("plan", {"verdict": "approved", "by": ANA}, "*Plan approved* by <@U0ANA>"),
        ("plan", {"verdict": "denied", "by": ANA}, "*Plan denied* by <@U0ANA>"),
        (
            "plan",
            {"verdict": "denied", "by": ANA, "message": "no web page"},
            "*Changes to the plan* by <@U0ANA>: “no web page”",
        ),
        ("plan", {"verdict": "expired"}, "*Expired* without an answer. Nothing was begun."),
        ("publish", {"verdict": "approved", "by": ANA}, "*Approved* by <@U0ANA>"),
        ("publish", {"verdict": "expired"}, "*Expired* without an answer. Nothing was published."),
        (
            "budget",
            {"verdict": "answered", "by": ANA, "answer": "Continue with $2.00 more"},
            "*Continued with $2.00 more* by <@U0ANA>",
        ),
        (
            "budget",
            {"verdict": "answered", "by": ANA, "answer": "Use gpt-cheap, with $2.00 more"},
            "*Now uses gpt-cheap, with $2.00 more*: chosen by <@U0ANA>",
        ),
        ("budget", {"verdict": "answered", "by": ANA, "answer": "Stop"}, "*Stopped* by <@U0ANA>"),
        (
            "budget",
            {"verdict": "answered", "by": ANA, "message": "$5 more"},
            "*Answered in writing* by <@U0ANA>: “$5 more”. Only a button spends more, so I ask "
            "again.",
        ),
        ("budget", {"verdict": "expired"}, "*Expired* without an answer. Nothing more was spent."),
    ],
)
def test_each_kind_of_card_says_in_its_own_words_how_it_ended(
    kind: p.AskKind, outcome: dict[str, Any], line: str
) -> None:
    decided = p.ApprovalOutcome(**outcome)
    request = budget_card(kind=kind, detail="1. One step")
    message = render(p.ApprovalBody(request=request, outcome=decided), THREAD.key)
    assert line == outcome_line(decided, kind)
    assert line in texts(message)
    assert buttons(message) == []


def test_the_beginning_of_a_long_difference_names_the_file_that_holds_the_rest() -> None:
    begins = "Commit 1\n\n> Words\n\n a | 9 +\n 1 file changed, 9 insertions(+)"
    request = ask(kind="publish", command="push", detail=begins, attached="change.diff")
    for plain, long in ((False, False), (True, False), (True, True)):
        shown = request.model_copy(update={"detail": "x\n" * 2000 + begins}) if long else request
        message = render(p.ApprovalBody(request=shown), THREAD.key, plain=plain)
        assert buttons(message)[0] == ("Approve", APPROVAL)
        assert "It is whole in the file `change.diff` in this thread" in json.dumps(message.blocks)
        assert "1 file changed, 9 insertions(+)" in json.dumps(message.blocks)
