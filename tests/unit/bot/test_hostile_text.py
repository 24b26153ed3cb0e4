"""Nothing hostile or long gets past Slack's rules, or into people's way."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from agent import protocol as p
from bot.views import help as help_view
from bot.views import mrkdwn, render
from bot.views import picker as picker_view
from local.slack.blockkit import check_view
from tests.unit.bot.slack_rules import assert_harmless, assert_presentable, parsed_texts

THREAD = p.ThreadRef(team="T0LOCAL", channel="C0BUILD", root_ts="1712000000.000100")
APPROVAL = f"{THREAD.key}/1/abcdef"

hostile = st.text(max_size=400) | st.sampled_from(
    [
        "<!channel> <!here> <@U0BEN> <#C0GENERAL> <!subteam^S123>",
        "[https://good.example](https://evil.example) <https://evil.example|https://good>",
        "```<!everyone>```" * 30,
        "&lt;!channel&gt; " * 100,
        "*" * 500,
        "a" * 5000,
        "\u202egpj.exe",
        "`" * 99,
        "\n".join(f"- item {n}" for n in range(500)),
    ]
)
steps = st.builds(
    p.StepLine,
    id=st.text(max_size=300),
    title=hostile,
    status=st.sampled_from(["pending", "in_progress", "complete", "error", "dropped"]),
    mark=st.sampled_from(["", "kept", "new", "dropped"]),
    detail=hostile,
)
plans = st.builds(
    p.PlanBody,
    title=hostile,
    steps=st.lists(steps, max_size=40),
    state=st.sampled_from(["working", "waiting", "done", "blocked", "failed", "stopped"]),
    note=hostile,
    started_at=st.just(1712000000.0),
    finished_at=st.none() | st.just(1712000100.0),
)
people = st.builds(p.Person, user_id=st.sampled_from(["U0ANA", "U0BEN", "<!x>"]), name=hostile)
usages = st.builds(
    p.Usage,
    input=st.integers(0, 10**9),
    output=st.integers(0, 10**9),
    cost_usd=st.none() | st.floats(0, 1e6),
)
results = st.builds(
    p.ResultBody,
    task=st.just(f"{THREAD.key}/1"),
    outcome=st.sampled_from(["done", "blocked", "failed", "stopped", "answered"]),
    summary=hostile,
    files=st.lists(hostile, max_size=60),
    checks=st.lists(hostile, max_size=60),
    asked_by=st.lists(people, max_size=9),
    seconds=st.floats(0, 1e6),
    usage=usages,
    model=hostile,
    downloadable=st.booleans(),
    continue_hint=hostile,
)
requests = st.builds(
    p.ApprovalRequest,
    kind=st.sampled_from(["command", "question"]),
    approval=st.just(APPROVAL),
    thread=st.just(THREAD),
    question=hostile,
    command=hostile | st.just("x" * 9000),
    workdir=hostile,
    options=st.lists(hostile, max_size=30),
    requester=people,
    approvers=st.lists(st.sampled_from(["U0BEN", "W0X", "nobody!"]), max_size=30),
    expires_at=st.just(1712009000.0),
)
outcomes = st.builds(
    p.ApprovalOutcome,
    verdict=st.sampled_from(["approved", "denied", "answered", "expired", "withdrawn"]),
    by=st.none() | people,
    at=st.just(1712000100.0),
    answer=hostile,
)
approvals = st.builds(p.ApprovalBody, request=requests, outcome=st.none() | outcomes)
notes = st.builds(p.NoteBody, text=hostile)


@settings(max_examples=60, deadline=None)
@given(plans | results | approvals | notes, hostile, st.booleans())
def test_no_input_breaks_slacks_limits_or_injects_anything(
    body: p.PlanBody | p.ResultBody | p.ApprovalBody | p.NoteBody, activity: str, plain: bool
) -> None:
    assert_presentable(render(body, THREAD.key, activity, plain))


@settings(max_examples=200, deadline=None)
@given(hostile, st.integers(1, 300))
def test_model_text_keeps_within_its_limit_and_only_web_links_survive(
    text: str, limit: int
) -> None:
    shown = mrkdwn.from_markdown(text, limit)
    assert len(shown) <= limit
    assert_harmless(shown)
    assert not re.search(r"&(?!amp;|lt;|gt;)", shown)


@settings(max_examples=40, deadline=None)
@given(st.lists(hostile, min_size=1, max_size=120))
def test_picker_and_home_hold_any_titles(titles: list[str]) -> None:
    cards = [
        p.SessionCard(thread=THREAD, title=title, updated_at=1712000000.0, status="idle")
        for title in titles
    ]
    modal = picker_view.modal("download", "C0BUILD", cards, now=1712100000.0)
    home = help_view.home(cards, now=1712100000.0)
    assert check_view(modal) == check_view(home) == []
    for text in parsed_texts(home):
        assert_harmless(text)
