"""A repository of a team: see its test fail, repair the cause, open a pull request."""

import re

from local.model.reply import Call, call
from local.model.script import Script, Work, edit, finish, read, shell, step, stuck, turn

_TOPIC = re.compile(r"\brepo(?:sitory)?:\S*\s*\S*/|/acme/hello", re.IGNORECASE)
_TESTS = "python3 -m unittest -q"
_FILE = "hello/greeting.py"
_BUG = '    return f"Hello, {name}!"\n'
_REPAIR = "    return f\"Hello, {name or 'world'}!\"\n"
_TITLE = "Greet everybody when no name is given"
_BODY = f"""`greet()` without a name said “Hello, !”, which its own test calls wrong.
It says “Hello, world!” now. One line changed.

Checked with `{_TESTS}`: all tests pass."""

GOAL = "The failing test passes, and the repair is a pull request"
PLAN = ["repo.reproduce", "repo.repair", "repo.publish"]


def wanted(text: str) -> bool:
    return bool(_TOPIC.search(text))


def _publish(title: str, body: str) -> Call:
    return call("open_pull_request", {"title": title, "body": body})


@step(
    "repo.reproduce",
    "See the test fail",
    "Look at the repository, run its tests and read the failure.",
    "the failure is seen",
)
def reproduce(_: Work) -> Script:
    seen = yield turn(
        shell("git log --oneline -5 && git ls-files"),
        shell(_TESTS),
        think="First what is there, then the failure with my own eyes.",
    )
    if not seen[0].passed or _FILE not in seen[0]:
        summary = "I only know how to repair acme/hello: say “repo: acme/hello — fix the test”."
        yield turn(finish(summary, outcome="failed"))
    if seen.last.passed:
        yield turn(finish("All tests pass already.", checks=[_TESTS]))
    yield turn(finish("Reproduced: greet() without a name says “Hello, !”."))


@step(
    "repo.repair",
    "Repair the cause",
    "Find the line that is wrong and change it alone.",
    "python3 -m unittest passes",
)
def repair(_: Work) -> Script:
    yield turn(read(_FILE), think="The name goes into the greeting as it is, also when empty.")
    seen = yield turn(edit(_FILE, _BUG, _REPAIR), shell(_TESTS))
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish("greet() without a name greets the world.", [_FILE], [_TESTS]))


@step(
    "repo.publish",
    "Open a pull request",
    "Publish the repair as a pull request, once it is approved.",
    "the pull request is open",
    rank=4,
)
def publish(_: Work) -> Script:
    seen = yield turn(_publish(_TITLE, _BODY), think="Small, tested, explained: ready for review.")
    if seen.last.data.get("pull_request"):
        yield turn(finish("The repair is open for review, as a pull request."))
    if seen.last.denied:
        yield turn(finish("The repair stays here: people did not want it published."))
    yield turn(finish(f"It could not be published: {seen.last.said}", outcome="blocked"))
