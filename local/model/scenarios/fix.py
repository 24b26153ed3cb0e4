"""A failing test that gets repaired: reproduce, find the cause, patch, prove."""

import re

from local.model.script import (
    Script,
    Work,
    finish,
    look,
    patch,
    read,
    shell,
    step,
    stuck,
    turn,
    write,
)
from local.model.sources import source

_TOPIC = re.compile(r"\b(?:fix|repair|failing)\b.*\b(?:tests?|bug)\b", re.IGNORECASE | re.DOTALL)
_TESTS = "python3 -m unittest -q"
_FILES = ["intervals.py", "tests/__init__.py", "tests/test_intervals.py"]
_BUG = "            merged[-1] = (merged[-1][0], end)\n"
_REPAIR = "            merged[-1] = (merged[-1][0], max(merged[-1][1], end))\n"
_PATCH = f"""*** Begin Patch
*** Update File: intervals.py
@@ def merge(intervals: list[Interval]) -> list[Interval]:
         if merged and start <= merged[-1][1] + 1:
-{_BUG}+{_REPAIR}         else:
*** End Patch
"""

GOAL = "Every test passes, and the repaired rule has a test of its own"
PLAN = ["fix.reproduce", "fix.repair", "fix.prove"]


def wanted(text: str) -> bool:
    return bool(_TOPIC.search(text))


@step(
    "fix.reproduce",
    "See the test fail",
    "Put a small sample with a known bug into the project, run the tests and read the failure.",
    "the failure is seen",
)
def reproduce(_: Work) -> Script:
    seen = yield turn(look(), think="A failure one has not seen is not understood.")
    files: list[str] = []
    if "intervals.py" not in seen.last:
        files = _FILES
        flawed = source("intervals", "intervals.py").replace(_REPAIR, _BUG)
        yield turn(
            write("intervals.py", flawed),
            *(write(path, source("intervals", path)) for path in _FILES[1:]),
            think="I can repair what my script knows, so here is a sample that has a bug.",
        )
    seen = yield turn(shell(_TESTS))
    if seen.last.passed:
        yield turn(finish("All tests pass: there is nothing to repair.", files, [_TESTS]))
    summary = "Reproduced: merge() forgets the longer end when one interval lies inside another."
    yield turn(finish(summary, files, []))


@step(
    "fix.repair",
    "Repair the cause",
    "Find the line that is wrong and change it alone.",
    "python3 -m unittest passes",
)
def repair(_: Work) -> Script:
    yield turn(read("intervals.py"), think="The end of the merged interval is simply overwritten.")
    seen = yield turn(patch(_PATCH), shell(_TESTS))
    if not seen.last.passed:
        yield stuck(seen.last)
    summary = "merge() now keeps the later end. One line changed; all tests pass."
    if not seen[0].data.get("ok"):
        summary = "merge() was repaired before; all tests pass."
    yield turn(finish(summary, ["intervals.py"], [_TESTS]))


@step(
    "fix.prove",
    "Prove the rule on random inputs",
    "Compare merge() with plain sets on 2000 random inputs.",
    "the new test and all others pass",
)
def prove(_: Work) -> Script:
    path = "tests/test_cover.py"
    seen = yield turn(
        look(), write(path, source("intervals", path)), think="One example is not a rule."
    )
    seen = yield turn(shell(_TESTS))
    if not seen.last.passed:
        yield stuck(seen.last)
    summary = "merge() agrees with plain sets on 2000 random inputs."
    yield turn(finish(summary, [path], [_TESTS]))
