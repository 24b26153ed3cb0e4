"""Cleaning, releasing, pushing: work whose last step waits for a person's approval.

The remote is a bare repository of the project's own; nothing leaves the machine.
"""

import re

from local.model.script import (
    Script,
    Work,
    finish,
    look,
    shell,
    step,
    stuck,
    turn,
    write,
)
from local.model.sources import source

_CLEAN = re.compile(r"\bclean(?:\s*up)?\b(?!\s+code)", re.IGNORECASE)
_PUSH = re.compile(r"\bpublish|\brelease|\bpush\b", re.IGNORECASE)
_TESTS = "python3 -m unittest -q"
_IDENTITY = "git config user.name Threadwright && git config user.email demo@example.invalid"
_REFUSED = re.compile(
    r"^\s*no\b|\b(?:do not|don't|never) (?:push|publish|release|tag|clean|delete|remove)\b",
    re.IGNORECASE | re.MULTILINE,
)
_REMOTE = ".git/demo-origin.git"
LAST_STEPS = ("risky.push", "risky.clean")
LAST = 4


def wanted(text: str) -> bool:
    return bool(_CLEAN.search(text) or _PUSH.search(text))


def refused(text: str) -> bool:
    """They want it left out, rather than done otherwise."""
    return bool(_REFUSED.search(text))


def goal(text: str) -> str:
    return (
        "A tested release, pushed to origin"
        if _PUSH.search(text)
        else "A clean, committed work tree"
    )


def plan(text: str) -> list[str]:
    return ["risky.check", "risky.commit", "risky.push" if _PUSH.search(text) else "risky.clean"]


@step(
    "risky.check",
    "Check the project",
    "Look at the files and run their tests. An empty project gets a small sample first.",
    "the tests pass",
    rank=LAST,
)
def check(_: Work) -> Script:
    seen = yield turn(look(), think="First see what there is, and whether it works.")
    files: list[str] = []
    if ".py" not in seen.last:
        files = ["textstats.py", "tests/__init__.py", "tests/test_textstats.py"]
        yield turn(
            *(write(path, source("textstats", path)) for path in files),
            think="The project is empty, so here is a small sample to work with.",
        )
    seen = yield turn(shell(_TESTS))
    if not seen.last.passed:
        yield stuck(seen.last)
    what = "The project was empty: a small sample was added. " if files else ""
    yield turn(finish(f"{what}The tests pass.", files, [_TESTS]))


@step(
    "risky.commit",
    "Commit the current state",
    "Make a git repository if there is none, and commit every file.",
    "git status shows no change",
    rank=LAST,
)
def commit(_: Work) -> Script:
    seen = yield turn(shell("git --version"))
    if not seen.last.passed:
        yield turn(finish("git is not installed here, so nothing is committed."))
    status = "git status --short"
    seen = yield turn(
        shell("git init -q -b main && echo __pycache__/ >> .git/info/exclude && git add -A"),
        shell(_IDENTITY),
        shell("git diff --cached --quiet || git commit -q -m 'Current state'"),
        shell(status),
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish("Every file is committed on main.", [], [status]))


@step(
    "risky.clean",
    "Remove what is not committed",
    "Delete untracked and ignored files. This cannot be undone, so somebody must approve it.",
    "git finds nothing more to remove",
    rank=LAST,
)
def clean(_: Work) -> Script:
    seen = yield turn(shell("git --version"))
    if not seen.last.passed:
        yield turn(finish("git is not installed here, so nothing was removed."))
    yield turn(shell("git status --short --ignored"), think="This is what would be removed.")
    seen = yield turn(shell("git clean -fdx"))
    if seen.last.denied:
        yield turn(finish("The clean-up was not approved. Nothing was removed; all files stay."))
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish("Untracked and ignored files are gone; commits are untouched."))


@step(
    "risky.push",
    "Tag the release and push it",
    "Tag the commit and push it to origin. This leaves the sandbox, so somebody must approve it.",
    "origin has the tag, or the summary says why not",
    rank=LAST,
)
def push(_: Work) -> Script:
    seen = yield turn(shell("git --version"))
    if not seen.last.passed:
        yield turn(finish("git is not installed here, so nothing was pushed."))
    tag = "git tag v0.1.$(git tag | wc -l) && git tag"
    seen = yield turn(
        shell(f"test -d {_REMOTE} || git init -q --bare {_REMOTE}"),
        shell(tag),
        think="In this demo, origin is a bare repository inside the project's .git folder.",
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    seen = yield turn(shell(f"git push {_REMOTE} main --tags"))
    if seen.last.denied:
        left_out = "The push was not approved, so nothing left the sandbox."
        yield turn(finish(f"{left_out} The commit and its tag are ready.", [], [tag]))
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish("main and its tag are on origin.", [], [tag]))
