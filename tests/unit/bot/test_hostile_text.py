"""Nothing hostile or long gets past Slack's rules, or into people's way."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import protocol as p
from bot.views import MessageBody, mrkdwn, render
from bot.views import home as home_view
from bot.views import picker as picker_view
from bot.views import status as status_view
from local.slack.blockkit import check_view
from tests.unit.bot.slack_rules import assert_harmless, assert_presentable, parsed_texts

THREAD = p.ThreadRef(team="T0LOCAL", channel="C0BUILD", root_ts="1712000000.000100")
APPROVAL = f"{THREAD.key}/1/abcdef"

LONG = [
    "x" * 40_000,
    "&" * 40_000,
    "🙂" * 40_000,
    "word " * 8000,
    "שלום עולם " * 4000,
    "```\n" + "<!channel> code\n" * 2700,
    "\u202e\u2066" * 20_000,
    "[a](https://evil.example) " * 1600,
    "[" * 40_000,
]
SMALL = [
    "```\nnever closed <!here>",
    "`` ``` ` unbalanced",
    "👩‍👩‍👧‍👦🇩🇪",
    "\u202eexe.gpj\u202c \u2067x\u2069",
    "\u200b\u200b",
    "go\u200bod",
    "\x00\x1b[2J\x07",
    "[good\u200b.example](https://evil.example)",
    "[good．example](https://evil.example)",
    "[\u202egood.example](https://evil.example)",
    "<https://evil.example|https&#58;//good.example>",
    "<!subteam^S0OPS|@ops> <!date^1^{time}|x>",
    "<@U0BEN|ana> <#C1|general>",
    "&lt;!channel&gt; &amp;lt;",
]
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
        *SMALL,
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
    assumptions=st.lists(hostile, max_size=8),
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
    asked=st.lists(st.builds(p.Asked, by=people, text=hostile), max_size=60),
    seconds=st.floats(0, 1e6),
    usage=usages,
    model=hostile,
    downloadable=st.booleans(),
    continue_hint=hostile,
    links=st.lists(
        st.builds(p.Link, label=hostile, url=hostile | st.just("https://x.example/pull/1")),
        max_size=30,
    ),
)
requests = st.builds(
    p.ApprovalRequest,
    kind=st.sampled_from(["command", "question", "plan", "budget", "publish"]),
    approval=st.just(APPROVAL),
    thread=st.just(THREAD),
    question=hostile,
    command=hostile | st.just("x" * 9000),
    workdir=hostile,
    detail=hostile | st.just("+x\n" * 3000) | st.just("& " * 2000),
    attached=st.just("") | hostile,
    rules=st.lists(hostile, max_size=30),
    budget=st.none() | st.just(p.BudgetLine(name="day", limit_usd=5, spent_usd=9)),
    approvers_only=st.booleans(),
    options=st.lists(hostile, max_size=30),
    requester=people,
    approvers=st.lists(
        st.sampled_from(["U0BEN", "W0X", "nobody!", "S0OPS", "S<!channel>"]), max_size=30
    ),
    four_eyes=st.booleans(),
    expires_at=st.just(1712009000.0),
)
outcomes = st.builds(
    p.ApprovalOutcome,
    verdict=st.sampled_from(["approved", "denied", "answered", "expired", "withdrawn"]),
    by=st.none() | people,
    at=st.just(1712000100.0),
    answer=hostile,
    message=hostile,
)
approvals = st.builds(p.ApprovalBody, request=requests, outcome=st.none() | outcomes)
notes = st.builds(p.NoteBody, text=hostile, mentions=st.lists(st.just("S0OPS"), max_size=30))


@settings(max_examples=60)
@given(plans | results | approvals | notes, hostile, st.booleans())
def test_no_input_breaks_slacks_limits_or_injects_anything(
    body: p.PlanBody | p.ResultBody | p.ApprovalBody | p.NoteBody, activity: str, plain: bool
) -> None:
    groups = isinstance(body, p.ApprovalBody | p.NoteBody)
    assert_presentable(render(body, THREAD.key, activity, plain), groups)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("text", LONG + SMALL)
def test_every_place_filled_with_the_same_text_is_bounded_and_harmless(
    text: str, plain: bool
) -> None:
    """All at once: sixty steps, files, checks, instructions and choices."""
    ana = p.Person(user_id="U0ANA", name=text)
    step = {"title": text, "detail": text, "status": "in_progress"}
    lines = [p.StepLine.model_validate(step | {"id": str(n)}) for n in range(60)]
    gone = [line.model_copy(update={"status": "dropped"}) for line in lines]
    request = p.ApprovalRequest(
        approval=APPROVAL,
        thread=THREAD,
        question=text,
        command=text,
        workdir=text,
        options=[text] * 60,
        requester=ana,
        approvers=["S0OPS", text],
        four_eyes=True,
        expires_at=1712009000.0,
    )
    asked = request.model_copy(update={"kind": "question"})
    more = {"detail": text, "attached": text, "rules": [text] * 30}
    others = [request.model_copy(update=more | {"kind": k}) for k in ("plan", "publish", "budget")]
    outcome = p.ApprovalOutcome(verdict="denied", by=ana, at=1.0, answer=text, message=text)
    bodies: list[MessageBody] = [
        p.PlanBody(
            title=text, steps=[*lines, *gone], note=text, assumptions=[text] * 9, started_at=1.0
        ),
        p.ResultBody(
            task=f"{THREAD.key}/1",
            outcome="done",
            summary=text,
            files=[text] * 60,
            checks=[text] * 60,
            asked_by=[ana] * 60,
            asked=[p.Asked(by=ana, text=text)] * 60,
            model=text,
            continue_hint=text,
            downloadable=True,
            links=[p.Link(label=text, url=text), p.Link(label=text, url="https://x.example/a")] * 9,
        ),
        p.ApprovalBody(request=request),
        p.ApprovalBody(request=asked),
        *(p.ApprovalBody(request=one) for one in others),
        p.ApprovalBody(request=request, outcome=outcome),
        p.ApprovalBody(request=asked, outcome=outcome.model_copy(update={"verdict": "answered"})),
        p.NoteBody(text=text, mentions=["S0OPS", text]),
    ]
    for body in bodies:
        groups = isinstance(body, p.ApprovalBody | p.NoteBody)
        assert_presentable(render(body, THREAD.key, text, plain), groups)


@pytest.mark.parametrize("text", ["<!subteam^S0OPS>", "[<!subteam^S0OPS>](https://x.example)"])
def test_only_configured_people_are_called_never_those_named_in_a_text(text: str) -> None:
    request = {"approval": APPROVAL, "thread": THREAD, "question": text, "command": text}
    ana = p.Person(user_id="U0ANA", name="ana")
    card = p.ApprovalRequest.model_validate(request | {"requester": ana, "expires_at": 1.0})
    for body in (p.ApprovalBody(request=card), p.NoteBody(text=text)):
        for shown in parsed_texts(render(body, THREAD.key).blocks):
            assert "<!subteam" not in shown


@settings(max_examples=200)
@given(hostile, st.integers(1, 300))
def test_model_text_keeps_within_its_limit_and_only_web_links_survive(
    text: str, limit: int
) -> None:
    shown = mrkdwn.from_markdown(text, limit)
    assert len(shown) <= limit
    assert_harmless(shown)
    assert not re.search(r"&(?!amp;|lt;|gt;)", shown)


@settings(max_examples=40)
@given(st.lists(hostile, min_size=1, max_size=120))
def test_picker_and_home_hold_any_titles(titles: list[str]) -> None:
    cards = [
        p.SessionCard(thread=THREAD, title=title, updated_at=1712000000.0, status="idle")
        for title in titles
    ]
    modal = picker_view.modal("download", "C0BUILD", cards, now=1712100000.0)
    shown = home_view.Home(cards, p.PreferencesView(), "https://acme.slack.com/")
    home = home_view.view(shown, now=1712100000.0)
    listed = home_view.sessions_modal(cards, 1712100000.0, "https://acme.slack.com/")
    assert check_view(modal) == check_view(home) == check_view(listed) == []
    for text in parsed_texts([home, listed]):
        assert_harmless(text)
    noted = status_view.noted(cards, 1712100000.0, "https://acme.slack.com/")
    assert_presentable(render(p.NoteBody(text=noted), THREAD.key))
