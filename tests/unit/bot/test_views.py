"""How text of models and people looks, and the small messages."""

import pytest
from pydantic import ValidationError

from agent import protocol as p
from bot import names
from bot.views import help as help_view
from bot.views import mrkdwn, render
from bot.views import picker as picker_view
from bot.views import status as status_view
from tests.unit.bot.shown import THREAD
from tests.unit.bot.slack_rules import assert_presentable


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


def test_a_block_of_code_that_is_cut_is_closed() -> None:
    shown = mrkdwn.from_markdown("```\n" + "x" * 500 + "\n```\nafter", 100)
    assert len(shown) <= 100
    assert shown.endswith("…\n```")


def test_a_note_for_somebody_mentions_them_and_only_them() -> None:
    note = p.NoteBody(text="Still waiting, <@U0BEN>.", mentions=["U0ANA", "S0OPS"])
    shown = "<@U0ANA>, <!subteam^S0OPS>: Still waiting, &lt;@U0BEN&gt;."
    assert render(note, THREAD.key).text == shown


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
    assert text == "**To-do**: ready\n1 task, 2 messages\nLast: done. All green."


def test_a_status_of_stopped_work_is_one_sentence() -> None:
    last = p.TaskDigest(task="t", outcome="stopped", summary="Ana stopped it.")
    view = p.SessionView(exists=True, title="To-do", tasks=1, messages=2, last=last)
    assert status_view.of_session(view, None).endswith("\nLast: Ana stopped it.")


def test_a_status_says_once_that_a_step_was_dropped() -> None:
    view = p.SessionView(exists=True, title="To-do", tasks=1, messages=2, status="working")
    steps = [p.StepLine(id="a", title="Old", status="dropped", mark="dropped")]
    steps.append(p.StepLine(id="b", title="Next", status="pending", mark="new"))
    task = p.TaskStatus(state="working", plan=p.PlanBody(title="To-do", steps=steps))
    assert status_view.of_session(view, task).splitlines()[1:3] == [
        "- Old (dropped)",
        "- Next (to do, new)",
    ]


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
