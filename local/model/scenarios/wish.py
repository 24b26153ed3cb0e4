"""A change of mind no script foresaw: noted in the README, where a function and a test find it."""

import shlex

from local.model.script import Script, Work, finish, shell, step, stuck, turn, write
from local.model.sources import source

_TESTS = "python3 -m unittest -q"
_HEADING = "## Asked for later"
WISH = 2


@step(
    "wish.note",
    "Note what was asked for later",
    "",
    "README.md names the wish and `wishes()` finds it",
    rank=WISH,
)
def note(work: Work) -> Script:
    line = shlex.quote(f"- {work.detail}")
    heading = shlex.quote(_HEADING)
    seen = yield turn(
        shell(f"grep -qxF {heading} README.md || printf '\\n%s\\n\\n' {heading} >> README.md"),
        shell(f"grep -qxF -e {line} README.md || printf '%s\\n' {line} >> README.md"),
        *(write(path, source("wishes", path)) for path in ("wishes.py", "tests/test_wishes.py")),
        shell(_TESTS),
        think="No script of mine can build this, but it must not be forgotten either.",
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    files = ["README.md", "wishes.py", "tests/test_wishes.py"]
    summary = "Noted in README.md; `wishes()` lists it. A real model would have built it."
    yield turn(finish(summary, files, [_TESTS]))
