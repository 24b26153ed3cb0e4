"""Owns the cards that the page is looked at with: each kind of question, open and decided."""

from typing import Any

from agent import protocol as p
from bot.views import status as status_view

THREAD = p.ThreadRef(team="T0LOCAL", channel="C0BUILD", root_ts="1795348800.000100")
ANA = p.Person(user_id="U0ANA", name="Ana Alves")
SOON = 1_795_600_000.0
CHOICES = p.Choices(
    models=["gpt-6.1-sol", "gpt-6-luna"],
    most_budget_usd=5,
    defaults=p.Preferences(model="gpt-6.1-sol", approvals="default", budget_usd=5),
)
STEPS = """\
1. **Set up the project**: a Python package with one command. _Done when_ `shorten --help` prints
2. **Store links**: SQLite, one table, codes of six letters. _Done when_ a code survives a restart
3. **Redirect**: answer `GET /<code>` with 302. _Done when_ `curl -I` shows the target
4. **Test** all of it with pytest, and write a README"""
DIFF = """\
diff --git a/shortener/app.py b/shortener/app.py
--- a/shortener/app.py
+++ b/shortener/app.py
@@ -12,7 +12,9 @@ async def redirect(request):
     code = request.match_info["code"]
-    return web.HTTPFound(LINKS[code])
+    target = LINKS.get(code)
+    if target is None:
+        raise web.HTTPNotFound(text=f"No link is called {code!r}.")
+    return web.HTTPFound(target)
"""


def ask(kind: p.AskKind, question: str, **more: Any) -> p.ApprovalBody:
    request = {
        "kind": kind,
        "approval": f"{THREAD.key}/1/abc",
        "thread": THREAD,
        "question": question,
        "requester": ANA,
        "approvers": ["U0BEN"],
        "expires_at": SOON,
    }
    return p.ApprovalBody(request=p.ApprovalRequest.model_validate(request | more))


def plan() -> p.ApprovalBody:
    return ask("plan", "A URL shortener with tests. I assume Python 3.12.", detail=STEPS)


def command() -> p.ApprovalBody:
    why = "This command throws files away."
    return ask("command", why, command="git clean -fdX", rules=["discard", "outside-project"])


def publish(lines: int = 0) -> p.ApprovalBody:
    more = "".join(f"+line {n} of what was generated\n" for n in range(lines))
    return ask(
        "publish",
        "The branch does not exist there yet; a draft pull request is opened with it.",
        command="git push origin threadwright/shortener-404\n1 commit to example/shortener",
        detail=DIFF + more,
        attached="shortener-404.diff" if lines else "",
    )


def budget() -> p.ApprovalBody:
    line = p.BudgetLine(name="task", limit_usd=7, spent_usd=7.04)
    return ask(
        "budget",
        "The budget of this task is used up, lately by calls of gpt-6.1-sol.",
        budget=line,
        options=["Continue with $2.00 more", "Use gpt-6-luna, with $2.00 more", "Stop"],
    )


def continued() -> p.ApprovalBody:
    line = p.BudgetLine(name="task", limit_usd=5, spent_usd=5.03)
    body = ask(
        "budget", "The budget of this task is used up, lately by calls of gpt-6.1-sol.", budget=line
    )
    answer = "Continue with $2.00 more"
    outcome = p.ApprovalOutcome(verdict="answered", by=ANA, at=SOON - 9e4, answer=answer)
    return body.model_copy(update={"outcome": outcome})


def channel() -> p.ApprovalBody:
    return ask(
        "budget",
        "Today's budget of this channel is used up, lately by calls of gpt-6.1-sol. This task has "
        "cost $2.35 of it. The rest is set aside for work that is under way elsewhere. 40,000 "
        "tokens were of a model whose price is not known; they are counted at $10.00 per million. "
        "At 00:00 UTC a new day begins; a reply here then goes on without more.",
        budget=p.BudgetLine(name="channel", limit_usd=20, spent_usd=18.2),
        options=["Continue with $2.00 more", "Stop"],
        approvers_only=True,
    )


def quota() -> p.ApprovalBody:
    return ask(
        "budget",
        "The API key's account has no budget left; add credit or raise its limit. The work waits, "
        "and nothing of it is lost.",
        options=["Try again", "Stop"],
        approvers_only=True,
    )


def status() -> p.NoteBody:
    view = p.SessionView(exists=True, title="URL shortener", tasks=2, messages=3, status="working")
    lines = [
        p.BudgetLine(name="task", limit_usd=7, spent_usd=5.03),
        p.BudgetLine(name="thread", limit_usd=20, spent_usd=6.4),
        p.BudgetLine(name="channel", limit_usd=40, spent_usd=31.7),
    ]
    task = p.TaskStatus(
        state="working",
        model="gpt-6-luna",
        approvals="default",
        usage=p.Usage(cost_usd=None, known_usd=5.03),
        budgets=lines,
        plan_first=True,
    )
    return p.NoteBody(text=status_view.of_session(view, task))


def result() -> p.ResultBody:
    return p.ResultBody(
        task=f"{THREAD.key}/1",
        outcome="done",
        summary="The shortener answers 404 for a code it does not know.",
        files=["shortener/app.py", "tests/test_app.py"],
        checks=["pytest -q: 14 passed"],
        asked=[p.Asked(by=ANA, text="unknown codes must not crash it")],
        seconds=312,
        usage=p.Usage(input=912_000, output=40_100, cost_usd=None, known_usd=5.03),
        model="gpt-6-luna",
        downloadable=True,
        links=[
            p.Link(label="Pull request 12", url="https://github.com/example/shortener/pull/12"),
            p.Link(label="Preview of the app", url="https://preview.example/abc"),
        ],
    )
