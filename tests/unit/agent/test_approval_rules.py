"""Who may answer an approval."""

import pytest

from agent import protocol as p
from agent.approvals import action_key, refuse

THREAD = p.ThreadRef(team="T", channel="C", root_ts="1.0")
ANA = p.Person(user_id="UANA", name="Ana")


def request(**changes: object) -> p.ApprovalRequest:
    base = p.ApprovalRequest(
        approval="k",
        thread=THREAD,
        question="risky",
        command="git push",
        requester=ANA,
        approvers=["UCARL"],
        expires_at=1e12,
    )
    return base.model_copy(update=changes)


def answer(user: str, decision: str = "approve", **changes: object) -> p.ApprovalAnswer:
    person = p.Person(user_id=user, outsider=bool(changes.pop("outsider", False)))
    made = p.ApprovalAnswer(approval="k", by=person, decision="approve")
    return made.model_copy(update={"decision": decision, **changes})


@pytest.mark.parametrize("user", ["UANA", "UCARL"])
def test_the_requester_and_configured_approvers_may_answer(user: str) -> None:
    assert refuse(request(), answer(user)) == ""


def test_anyone_else_is_told_who_may() -> None:
    assert refuse(request(), answer("UBEN")) == "Only <@UANA>, <@UCARL> can answer this."


def test_an_outsider_may_not_even_as_approver() -> None:
    assert "outside" in refuse(request(), answer("UCARL", outsider=True))


def test_a_choice_must_be_one_of_those_offered() -> None:
    question = request(kind="question", options=["a", "b"])
    assert refuse(question, answer("UANA", "answer", answer="a")) == ""
    assert refuse(question, answer("UANA", "answer", answer="z"))


def test_an_approval_is_for_one_call_of_one_action_only() -> None:
    same = ("t/1", "s1/turn 1/c1", "git push", ".", 1)
    keys = {
        action_key(*same),
        action_key("t/1", "s1/turn 2/c1", "git push", ".", 1),
        action_key("t/1", "s1/turn 1/c1", "git push -f", ".", 1),
        action_key("t/1", "s1/turn 1/c1", "git push", "sub", 1),
        action_key("t/1", "s1/turn 1/c1", "git push", ".", 2),
    }
    assert len(keys) == 5
    assert action_key(*same) in keys
