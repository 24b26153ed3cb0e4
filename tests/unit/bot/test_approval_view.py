"""How questions about commands look, open and decided."""

import json
from typing import Any

import pytest

from agent import protocol as p
from bot.views import render
from bot.views.approval import Choice, outcome_line
from tests.unit.bot.shown import ANA, APPROVAL, BEN, THREAD, ask, buttons, texts
from tests.unit.bot.slack_rules import parsed_texts


def test_an_approval_shows_the_exact_command_who_may_answer_and_until_when() -> None:
    message = render(p.ApprovalBody(request=ask()), THREAD.key)
    code = next(b for b in message.blocks if b["type"] == "rich_text")
    assert code["elements"][0]["type"] == "rich_text_preformatted"
    assert code["elements"][0]["elements"][0]["text"] == ask().command
    assert buttons(message) == [("Approve", APPROVAL), ("Deny", APPROVAL)]
    assert [e.get("style") for e in message.blocks[-2]["elements"]] == ["primary", "danger"]
    said = list(parsed_texts(message.blocks))
    assert "Runs in the project folder" in said
    who, reply = said[-1].splitlines()
    assert who.startswith(
        "For <@U0ANA>, <@U0BEN>, <!subteam^S0OPS> · open until <!date^1712009000^"
    )
    assert reply == "Or reply here: that denies it and tells me what to do instead."


@pytest.mark.parametrize(
    ("approvers", "who"),
    [
        (["S0OPS", "U0ANA"], "For <!subteam^S0OPS> · "),
        ([], "For any other member of this workspace · "),
        (["U0ANA"], "Nobody else is named who could approve it · "),
    ],
)
def test_with_four_eyes_the_card_says_who_can_approve_and_that_the_requester_cannot(
    approvers: list[str], who: str
) -> None:
    message = render(p.ApprovalBody(request=ask(four_eyes=True, approvers=approvers)), THREAD.key)
    said = list(parsed_texts(message.blocks))
    assert said[0] == "*Approval by a second person*"
    assert said[-1].startswith(who)
    assert "<@U0ANA> asked for it, so may deny it but not approve it." in said[-1]


def test_a_question_without_choices_asks_for_a_reply() -> None:
    request = ask(kind="question", command="", question="Which *store*?", options=[])
    message = render(p.ApprovalBody(request=request), THREAD.key)
    assert buttons(message) == []
    assert "Reply here." in list(parsed_texts(message.blocks))[-1]


def test_a_decided_approval_says_who_and_when_and_keeps_the_command() -> None:
    outcome = p.ApprovalOutcome(verdict="approved", by=BEN, at=1712000100.0)
    message = render(p.ApprovalBody(request=ask(), outcome=outcome), THREAD.key)
    assert buttons(message) == []
    assert ask().command in json.dumps(message.blocks)
    assert next(parsed_texts(message.blocks)).startswith("*Approved* by <@U0BEN>, <!date^1712")
    assert message.text.endswith("approved by ben")


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (
            {"verdict": "denied", "by": BEN, "message": "no,\ndo <!here> instead"},
            "*Denied* by <@U0BEN>: “no, do &lt;!here&gt; instead”",
        ),
        (
            {"verdict": "answered", "by": ANA, "message": "SQLite"},
            "*Answered* by <@U0ANA>: “SQLite”",
        ),
        ({"verdict": "answered", "by": ANA, "answer": "JSON"}, "*Answered* by <@U0ANA>: “JSON”"),
        (
            {"verdict": "withdrawn", "by": BEN, "message": "stop that"},
            "*Withdrawn*: <@U0BEN> wrote something new.",
        ),
        ({"verdict": "withdrawn", "by": BEN}, "*Withdrawn*: <@U0BEN> stopped the work."),
        ({"verdict": "expired"}, "*Expired* without an answer. Nothing was run."),
    ],
)
def test_an_outcome_says_who_did_what(outcome: dict[str, Any], line: str) -> None:
    decided = p.ApprovalOutcome(**outcome)
    message = render(p.ApprovalBody(request=ask(), outcome=decided), THREAD.key)
    assert outcome_line(decided) == next(parsed_texts(message.blocks)) == line


@pytest.mark.parametrize("verdict", ["expired", "withdrawn"])
def test_an_open_question_that_ends_by_itself_says_so(verdict: p.Verdict) -> None:
    line = outcome_line(p.ApprovalOutcome(verdict=verdict, at=1712000100.0))
    assert verdict.capitalize() in line


@pytest.mark.parametrize("plain", [False, True])
def test_a_command_that_cannot_be_shown_whole_cannot_be_approved(plain: bool) -> None:
    message = render(p.ApprovalBody(request=ask(command="x" * 8001)), THREAD.key, plain=plain)
    assert buttons(message) == [("Deny", APPROVAL)]
    assert "can only be denied" in json.dumps(message.blocks)


def test_the_plain_card_cannot_be_approved_when_fences_would_change_the_command() -> None:
    message = render(p.ApprovalBody(request=ask(command="echo '```'")), THREAD.key, plain=True)
    assert buttons(message) == [("Deny", APPROVAL)]


def test_a_question_offers_its_options_and_each_carries_its_whole_text() -> None:
    request = ask(kind="question", command="", options=["SQLite", "A plain file"])
    message = render(p.ApprovalBody(request=request), THREAD.key)
    labels = [(label, Choice.unpack(value).answer) for label, value in buttons(message)]
    assert labels == [("SQLite", "SQLite"), ("A plain file", "A plain file")]
    long = ask(kind="question", command="", options=["short", "long " * 40])
    message = render(p.ApprovalBody(request=long), THREAD.key)
    labels = [(label, Choice.unpack(value).answer) for label, value in buttons(message)]
    assert labels == [("Option 1", "short"), ("Option 2", "long " * 40)]
    assert "2. long long" in json.dumps(message.blocks)


@pytest.mark.parametrize("value", ["", "[]", '"x"', "{", '["only one"]', "null"])
def test_a_value_that_is_not_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Choice.unpack(value)


def test_a_command_says_small_which_rules_ask() -> None:
    message = render(p.ApprovalBody(request=ask(rules=["discard", "git-push"])), THREAD.key)
    assert "Runs in the project folder · rules `discard`, `git-push`" in texts(message)
    message = render(p.ApprovalBody(request=ask(rules=["discard"])), THREAD.key)
    assert "Runs in the project folder · rule `discard`" in texts(message)
