"""How each kind of message looks."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from agent import protocol as p
from bot import names
from bot.views import help as help_view
from bot.views import mrkdwn, render
from bot.views import picker as picker_view
from bot.views import status as status_view
from bot.views.approval import Choice, outcome_line
from bot.views.blocks import Rendered
from tests.unit.bot.slack_rules import assert_presentable, parsed_texts

THREAD = p.ThreadRef(team="T0LOCAL", channel="C0BUILD", root_ts="1712000000.000100")
ANA = p.Person(user_id="U0ANA", name="ana")
BEN = p.Person(user_id="U0BEN", name="ben")
APPROVAL = f"{THREAD.key}/1/abcdef"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**bold** and `a < b`", "*bold* and `a &lt; b`"),
        ("## Result\n- one\n- two", "*Result*\n• one\n• two"),
        ("[the docs](https://x.y/z?a=1&b=2)", "<https://x.y/z?a=1&amp;b=2|the docs>"),
        ("[https://good.com](https://evil.com)", "<https://evil.com>"),
        ("[good.com](https://evil.com)", "<https://evil.com>"),
        ("<https://evil.com|https://good.com>", "<https://evil.com>"),
        ("[click](javascript:alert(1))", "[click](javascript:alert(1))"),
        ("<!channel> <@U0BEN> <#C1>", "&lt;!channel&gt; &lt;@U0BEN&gt; &lt;#C1&gt;"),
        ("```\nx = '**no bold**'\n```", "```\nx = '**no bold**'\n```"),
        ("2 * 3 * 4", "2 * 3 * 4"),
    ],
)
def test_markdown_of_a_model_becomes_slacks_own(written: str, shown: str) -> None:
    assert mrkdwn.from_markdown(written, 1000) == shown


def test_hidden_and_reordering_characters_are_spelled_out() -> None:
    assert (
        mrkdwn.visible("rm \u202e-rf\u200b x\x1b[0m\ty\n")
        == "rm \\u202e-rf\\u200b x\\u001b[0m\ty\n"
    )


# --- plan ---------------------------------------------------------------------------------------


def plan(**more: Any) -> p.PlanBody:
    lines = [
        p.StepLine(id="1", title="Set up the project", status="complete", mark="kept"),
        p.StepLine(id="2", title="Write the parser", status="in_progress", mark="new"),
        p.StepLine(id="3", title="Write a web page", status="dropped", mark="dropped"),
        p.StepLine(id="4", title="Write tests", status="pending"),
    ]
    return p.PlanBody(title="To-do CLI", steps=lines, started_at=1712000000.0, **more)


def kinds(message: Rendered) -> list[str]:
    return [block["type"] for block in message.blocks]


def test_a_running_plan_shows_steps_marks_activity_and_a_way_to_stop() -> None:
    message = render(plan(note="Kept step 1."), THREAD.key, "running pytest -q")
    assert kinds(message) == ["plan", "context", "context", "context", "actions"]
    titles = [task["title"] for task in message.blocks[0]["tasks"]]
    assert titles == ["Set up the project (kept)", "Write the parser (new)", "Write tests"]
    said = list(parsed_texts(message.blocks))
    assert said[0] == "Dropped: Write a web page"
    assert said[2].startswith("*Working* · since <!date^1712000000^{time}|")
    assert said[2].endswith(" · running pytest -q")
    assert message.blocks[-1]["elements"][0]["value"] == THREAD.key
    assert message.text == "To-do CLI: working, 1 of 3 steps done, now: Write the parser"


def test_a_finished_plan_says_how_long_it_took_and_has_no_buttons() -> None:
    message = render(plan(state="done", finished_at=1712000125.0), THREAD.key, "old activity")
    assert "actions" not in kinds(message)
    assert list(parsed_texts(message.blocks))[-1] == "*Done* · 2 min 5 s"


def test_a_long_plan_folds_around_the_current_step() -> None:
    lines = [
        p.StepLine(id=str(n), title=f"step {n}", status="complete" if n < 30 else "pending")
        for n in range(50)
    ]
    message = render(p.PlanBody(title="Long", steps=lines), THREAD.key)
    titles = [task["title"] for task in message.blocks[0]["tasks"]]
    assert titles == [f"step {n}" for n in range(25, 45)]
    assert "30 more steps, 25 of them done" in list(parsed_texts(message.blocks))


def test_the_plain_plan_says_states_in_words_and_signs() -> None:
    message = render(plan(), THREAD.key, plain=True)
    assert kinds(message)[0] == "section"
    assert message.blocks[0]["text"]["text"] == (
        "*To-do CLI*\n☑ Set up the project (kept)\n▸ Write the parser (new) – now\n☐ Write tests"
    )


# --- approval -----------------------------------------------------------------------------------


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


def buttons(message: Rendered) -> list[tuple[str, str]]:
    return [
        (element["text"]["text"], element["value"])
        for block in message.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    ]


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


# --- plans, budgets, publications -----------------------------------------------------------------

STEPS = (
    "1. *Set up* the project\n2. Write the parser <!channel>\n   In C\n3. Test it\nAssumed: Linux"
)
DIFF = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n-old\n+new\n+newer"


def texts(message: Rendered) -> list[str]:
    return list(parsed_texts(message.blocks))


def test_a_plan_is_shown_whole_to_be_approved_or_changed_in_writing() -> None:
    request = ask(kind="plan", command="", question="A to-do CLI", detail=STEPS)
    message = render(p.ApprovalBody(request=request), THREAD.key)
    said = texts(message)
    assert said[:2] == ["*Plan: approve?*", "A to-do CLI"]
    first, *rest = said[2].split("\n\n")
    assert first == "1. *Set up* the project"  # has bold words of its own
    assert rest == [
        "*2. Write the parser &lt;!channel&gt;*\nIn C",
        "*3. Test it*",
        "Assumed: Linux",
    ]
    assert buttons(message) == [("Approve", APPROVAL), ("Deny", APPROVAL)]
    assert said[-1].endswith("Or reply here to change it.")


def test_a_plan_too_long_for_a_card_can_only_be_denied() -> None:
    request = ask(kind="plan", command="", detail="\n".join(["& a long step " * 9] * 70))
    message = render(p.ApprovalBody(request=request), THREAD.key)
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
    assert texts(message)[0] == "*Publish: approve?*"
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


def test_a_command_says_small_which_rules_ask() -> None:
    message = render(p.ApprovalBody(request=ask(rules=["discard", "git-push"])), THREAD.key)
    assert "Runs in the project folder · rules `discard`, `git-push`" in texts(message)
    message = render(p.ApprovalBody(request=ask(rules=["discard"])), THREAD.key)
    assert "Runs in the project folder · rule `discard`" in texts(message)


def budget_card(**more: Any) -> p.ApprovalRequest:
    line = p.BudgetLine(name="task", limit_usd=5, spent_usd=5.031)
    options = ["Continue with $2.00 more", "Use gpt-cheap, with $2.00 more", "Stop"]
    given_ = {"kind": "budget", "command": "", "question": "It is used up.", "budget": line}
    return ask(**(given_ | {"options": options} | more))


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
            "*Plan to be changed* by <@U0ANA>: “no web page”",
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


# --- result -------------------------------------------------------------------------------------


def result(**more: Any) -> p.ResultBody:
    given_: dict[str, Any] = {
        "task": f"{THREAD.key}/1",
        "outcome": "done",
        "summary": "The CLI works.",
        "files": ["todo.py", "test_todo.py"],
        "checks": ["pytest -q: 12 passed"],
        "asked_by": [ANA, BEN],
        "seconds": 95.0,
        "usage": p.Usage(input=30_000, output=4_100, cost_usd=0.123),
        "model": "demo",
        "downloadable": True,
        "continue_hint": "Reply here to go on.",
    }
    return p.ResultBody(**(given_ | more))


def test_a_result_says_the_outcome_first_then_files_checks_and_what_it_took() -> None:
    message = render(result(), THREAD.key)
    said = list(parsed_texts(message.blocks))
    assert said[0] == "*Done.* The CLI works."
    assert said[1] == "*Files*\n`todo.py`, `test_todo.py`"
    assert said[2] == "*Checks*\n• pytest -q: 12 passed"
    assert said[3:] == [
        "Reply here to go on.",
        "Asked by ana, ben · 1 min 35 s · 34,100 tokens · $0.12 · demo",
    ]
    assert buttons(message) == [("Download project", THREAD.key)]
    assert kinds(message)[-1] == "context_actions"
    assert message.text == "Done. The CLI works."


def test_a_result_says_who_asked_what() -> None:
    one = [p.Asked(by=ANA, text="build a\nURL shortener <!here>")]
    said = list(parsed_texts(render(result(asked=one), THREAD.key).blocks))
    assert "Asked by ana: build a URL shortener &lt;!here&gt;" in said
    assert not any(line.startswith("Asked by ana, ben") for line in said)
    many = [p.Asked(by=(ANA, BEN)[n % 2], text=f"wish {n}") for n in range(9)]
    said = list(parsed_texts(render(result(asked=many), THREAD.key).blocks))
    assert (
        "Asked:\n• ana: wish 0\n• and 5 more\n• ana: wish 6\n• ben: wish 7\n• ana: wish 8"
    ) in said


def test_a_note_for_somebody_mentions_them_and_only_them() -> None:
    note = p.NoteBody(text="Still waiting, <@U0BEN>.", mentions=["U0ANA", "S0OPS"])
    shown = "<@U0ANA>, <!subteam^S0OPS>\nStill waiting, &lt;@U0BEN&gt;."
    assert render(note, THREAD.key).text == shown


def test_a_block_of_code_that_is_cut_is_closed() -> None:
    shown = mrkdwn.from_markdown("```\n" + "x" * 500 + "\n```\nafter", 100)
    assert len(shown) <= 100
    assert shown.endswith("…\n```")


def test_an_unknown_price_is_said_not_guessed() -> None:
    message = render(result(usage=p.Usage(input=1, output=1, cost_usd=None)), THREAD.key)
    assert "· price unknown ·" in json.dumps(message.blocks, ensure_ascii=False)


def test_a_result_offers_what_there_is_to_open_and_only_on_the_web() -> None:
    links = [
        p.Link(label="Pull request 12", url="https://github.com/a/b/pull/12"),
        p.Link(label="evil.com", url="https://x.example/"),
        p.Link(label="x", url="javascript:alert(1)"),
    ]
    said = texts(render(result(links=links), THREAD.key))
    assert (
        "*To open*\n• <https://github.com/a/b/pull/12|Pull request 12>\n• <https://x.example/>"
    ) in said


def test_a_known_part_of_a_price_is_told_beside_the_unknown_one() -> None:
    usage = p.Usage(input=1, output=1, cost_usd=None, known_usd=0.12)
    assert "$0.12 and calls of unknown price" in json.dumps(
        render(result(usage=usage), THREAD.key).blocks
    )


def test_an_answer_has_no_headline_and_no_download() -> None:
    body = result(outcome="answered", summary="42.", files=[], checks=[], downloadable=False)
    message = render(body, THREAD.key)
    assert message.text == "42."
    assert buttons(message) == []


# --- the rest -----------------------------------------------------------------------------------


def test_only_known_verbs_come_out_of_a_picker() -> None:
    card = p.SessionCard(thread=THREAD, title="x", updated_at=0.0, status="idle")
    modal = picker_view.modal("stop", "C0BUILD", [card], now=0.0)
    values = {picker_view.BLOCK_ID: {picker_view.ACTION_ID: {"selected_option": {"value": "a:b"}}}}
    with pytest.raises((ValueError, ValidationError)):
        picker_view.chosen(modal | {"state": {"values": values}})


def test_help_fits_into_one_section_and_names_the_command() -> None:
    message = help_view.message()
    assert_presentable(message)
    assert names.COMMAND in message.text


def test_a_status_names_the_last_outcome_when_nothing_runs() -> None:
    last = p.TaskDigest(task="t", outcome="done", summary="All green.")
    view = p.SessionView(exists=True, title="To-do", tasks=1, messages=2, last=last)
    text = status_view.of_session(view, None)
    assert text == "**To-do**: idle\n1 task, 2 messages\nLast: done. All green."


def test_a_status_tells_each_budget_with_what_was_spent_of_it() -> None:
    view = p.SessionView(exists=True, title="To-do", tasks=1, messages=2, status="working")
    budgets = [
        p.BudgetLine(name="task", limit_usd=5, spent_usd=2.5),
        p.BudgetLine(name="day", limit_usd=20, spent_usd=21),
    ]
    task = p.TaskStatus(state="working", model="m", budget_usd=5, budgets=budgets, plan_first=True)
    assert status_view.of_session(view, task).splitlines()[1:4] == [
        "Model m, plans are approved first",
        "- █████░░░░░ $2.50 of $5.00 for this task",
        "- ██████████ $21.00 of $20.00 for the workspace today",
    ]
