"""Who may answer a question, and what a written reply means for it."""

import pytest

from agent import protocol as p
from agent.approvals import action_key, closed_by, refuse

THREAD = p.ThreadRef(team="T", channel="C", root_ts="1.0")
ANA = p.Person(user_id="UANA", name="Ana")
BEN = p.Person(user_id="UBEN", name="Ben")
CARL = p.Person(user_id="UCARL", name="Carl")


def request(**changes: object) -> p.ApprovalRequest:
    base = p.ApprovalRequest(
        approval="k",
        thread=THREAD,
        question="risky",
        command="git push",
        requester=ANA,
        approvers=["UCARL"],
        seen_seq=3,
        expires_at=1e12,
    )
    return base.model_copy(update=changes)


def answer(user: str, decision: str = "approve", **changes: object) -> p.ApprovalAnswer:
    person = p.Person.model_validate(
        {"user_id": user} | {k: changes.pop(k) for k in ("outsider", "groups") if k in changes}
    )
    made = p.ApprovalAnswer(approval="k", by=person, decision="approve")
    return made.model_copy(update={"decision": decision, **changes})


# --- clicks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["UANA", "UCARL"])
def test_the_requester_and_configured_approvers_may_answer(user: str) -> None:
    assert refuse(request(), answer(user)) == ""


def test_anyone_else_is_told_who_may() -> None:
    assert refuse(request(), answer("UBEN")) == "Only <@UANA>, <@UCARL> can answer this."
    with_group = request(approvers=["S0OPS"])
    assert refuse(with_group, answer("UBEN")) == "Only <@UANA>, <!subteam^S0OPS> can answer this."


def test_a_member_of_a_named_group_may_answer_and_of_another_one_may_not() -> None:
    with_group = request(approvers=["S0OPS"])
    assert refuse(with_group, answer("UBEN", groups=["S0OPS"])) == ""
    assert refuse(with_group, answer("UBEN", groups=["S0OTHER"]))


@pytest.mark.parametrize("groups", [[], ["S0OPS"]])
def test_an_outsider_may_not_even_as_approver(groups: list[str]) -> None:
    asked = request(approvers=["UCARL", "S0OPS"])
    assert "outside" in refuse(asked, answer("UCARL", outsider=True, groups=groups))


def test_with_four_eyes_the_requester_may_deny_but_not_approve() -> None:
    asked = request(four_eyes=True, approvers=["UCARL", "UANA"])
    assert refuse(asked, answer("UANA", "deny")) == ""
    told = refuse(asked, answer("UANA", "approve"))
    assert told == "You asked for this, so somebody else must approve it: <@UCARL>."
    assert refuse(asked, answer("UCARL")) == ""
    assert refuse(asked, answer("UBEN"))


def test_with_four_eyes_and_nobody_named_any_other_member_may_answer() -> None:
    asked = request(four_eyes=True, approvers=[])
    assert refuse(asked, answer("UBEN")) == refuse(asked, answer("UBEN", "deny")) == ""
    assert "any other member" in refuse(asked, answer("UANA"))
    assert refuse(asked, answer("UX", outsider=True))


def test_with_four_eyes_a_requester_who_is_the_only_approver_is_told_so() -> None:
    asked = request(four_eyes=True, approvers=["UANA"])
    assert "nobody else is named" in refuse(asked, answer("UANA"))
    assert refuse(asked, answer("UBEN"))


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


# --- written replies ------------------------------------------------------------------------------


def wrote(seq: int, by: p.Person, text: str = "no, do X", **more: object) -> p.HistoryEntry:
    entry = p.HistoryEntry(seq=seq, ts=f"{seq}.0", author=by, text=text)
    return entry.model_copy(update=more)


def closed(*messages: p.HistoryEntry, **more: object) -> tuple[str, str, str]:
    """Verdict, who, and what they wrote."""
    asked = request(**{k: v for k, v in more.items() if k != "stopping"})
    stopping = more.get("stopping")
    unread = p.Unread(messages=list(messages)).model_copy(update={"stopping": stopping})
    outcome = closed_by(asked, unread, 5.0)
    return outcome.verdict, outcome.by.user_id if outcome.by else "", outcome.message


def test_a_reply_of_somebody_who_may_answer_denies_the_command() -> None:
    assert closed(wrote(4, ANA)) == ("denied", "UANA", "no, do X")
    assert closed(wrote(4, CARL)) == ("denied", "UCARL", "no, do X")
    assert closed(wrote(4, ANA), four_eyes=True) == ("denied", "UANA", "no, do X")


def test_a_reply_answers_a_question() -> None:
    assert closed(wrote(4, ANA, "SQLite"), kind="question") == ("answered", "UANA", "SQLite")


def test_a_reply_of_somebody_who_may_not_answer_withdraws_it() -> None:
    assert closed(wrote(4, BEN)) == ("withdrawn", "UBEN", "no, do X")
    assert closed(wrote(4, BEN), wrote(5, ANA, "no"))[:2] == ("denied", "UANA")


def test_files_alone_are_a_reply_too() -> None:
    files = [p.Attachment(file_id="F1", name="data.csv")]
    assert closed(wrote(4, ANA, "", files=files)) == ("denied", "UANA", "data.csv")


def test_old_quiet_and_changed_messages_are_no_reply() -> None:
    assert closed(wrote(3, ANA)) == ("withdrawn", "", "")
    assert closed(wrote(4, ANA, quiet=True)) == ("withdrawn", "", "")
    assert closed(wrote(4, ANA, "in Rust", edit=True)) == ("withdrawn", "UANA", "in Rust")
    assert closed(wrote(4, ANA, "", edit=True)) == ("withdrawn", "UANA", "(deleted a message)")
    assert closed(wrote(4, ANA), seen_seq=0) == ("withdrawn", "", "")  # of an older release


def test_a_stop_withdraws_it_whatever_was_written() -> None:
    assert closed(wrote(4, ANA), stopping=BEN) == ("withdrawn", "UBEN", "")


def test_a_long_reply_is_clipped() -> None:
    assert len(closed(wrote(4, ANA, "x" * 40_000))[2]) == 1000


# --- money that is not the requester's alone ------------------------------------------------------


def test_where_approvers_are_named_only_they_may_spend_what_is_shared() -> None:
    asked = request(kind="budget", command="", options=["More"], approvers_only=True)
    for user in ("UANA", "UBEN"):
        told = refuse(asked, answer(user, "answer", answer="More"))
        assert told == "Only <@UCARL> can answer this."
    assert refuse(asked, answer("UCARL", "answer", answer="More")) == ""
    group = asked.model_copy(update={"approvers": ["S0OPS"]})
    assert refuse(group, answer("UANA", "answer", answer="More", groups=["S0OPS"])) == ""
    assert "outside" in refuse(asked, answer("UCARL", "answer", answer="More", outsider=True))


def test_where_none_are_named_the_requester_may() -> None:
    asked = request(kind="budget", command="", options=["More"], approvers_only=True, approvers=[])
    assert refuse(asked, answer("UANA", "answer", answer="More")) == ""
    assert refuse(asked, answer("UBEN", "answer", answer="More"))


def test_a_budget_is_not_approved_or_raised_by_other_words_than_those_offered() -> None:
    asked = request(kind="budget", command="", options=["Continue with $2.00 more", "Stop"])
    for given_ in (answer("UANA", "approve"), answer("UANA", "answer", answer="$500 more")):
        assert refuse(asked, given_) == "That is not one of the choices."
