"""Any other request: a small package named after it. A script cannot invent code; it says so."""

import keyword
import re
import sys
import unicodedata

from local.model.conversation import Conversation
from local.model.scenarios.builds import vague
from local.model.script import Script, Work, finish, shell, step, stuck, turn, write
from local.model.sources import source

_TESTS = "python3 -m unittest -q"
_FILLER = re.compile(
    r"(?:an?|the|this|that|some|any|my|me|us|we|you|i|it|is|be|to|of|on|in|and|with|for|please"
    r"|from|want|need|can|could|would|do|build|make|create|write|code|implement|new|small|simple|little"
    r"|app|tool|demo|program|project|python|tests?|readme)"
)
_HOW = re.compile(r"^\s*plan first\b[\s:,.;–—-]*", re.IGNORECASE)
_ATTACHED = re.compile(r"\(attached: [^)]*\)")
_BREAK = re.compile(r"\b(?:with|that|which|using)\b|[,.;:\n]")
PLAN = ["starter.package", "starter.tests", "starter.readme"]


def goal(text: str) -> str:
    return f"A tested starter package for: {one_line(wish(text), 60)}"


def wish(text: str) -> str:
    """What is to be built, without how to go about it and without the list of attached files."""
    return _ATTACHED.sub("", _HOW.sub("", text)).strip()


def one_line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def package_name(text: str) -> str:
    """A package name from the first telling words of a request."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    head = _BREAK.split(plain)[0]
    words = [w for w in re.findall(r"[a-z][a-z0-9]*", head) if not _FILLER.fullmatch(w)]
    name = "_".join(words[:3])[:40].strip("_") or "project"
    taken = keyword.iskeyword(name) or name in sys.stdlib_module_names or name == "tests"
    return f"{name}_app" if taken else name


def _request(work: Conversation) -> str:
    asked = [text for text in work.messages if not vague(text)]
    return one_line(wish(asked[0] if asked else ""), 200)


def _file(work: Work, path: str) -> str:
    request = _request(work)
    name = package_name(request)
    title = name.replace("_", " ").capitalize()
    return source("starter", path).format(name=name, title=title, request=request)


@step(
    "starter.package",
    "Lay out the package",
    "Make a package named after the request that runs with `python3 -m`.",
    "the program runs",
)
def package(work: Work) -> Script:
    name = package_name(_request(work))
    run = f"python3 -m {name}"
    files = {
        f"{name}/{part}": _file(work, f"package/{part}")
        for part in ("__init__.py", "points.py", "__main__.py")
    }
    seen = yield turn(
        *(write(path, text) for path, text in files.items()),
        shell(run),
        think="I follow a script and have no code for this, so I make an honest starter.",
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    summary = f"Package `{name}` prints the request as points to tick off."
    yield turn(finish(summary, list(files), [run]))


@step(
    "starter.tests",
    "Test it",
    "Test how the request is cut into points, and the program as a whole.",
    "python3 -m unittest passes",
)
def tests(work: Work) -> Script:
    paths = ["tests/__init__.py", "tests/test_points.py"]
    seen = yield turn(*(write(path, _file(work, path)) for path in paths), shell(_TESTS))
    if not seen.last.passed:
        yield stuck(seen.last)
    yield turn(finish("Four tests pass.", paths, [_TESTS]))


@step(
    "starter.readme",
    "Write the README",
    "Say what was asked, what is there, and how to run and test it.",
    "README.md names commands that work",
    rank=1,
)
def readme(work: Work) -> Script:
    seen = yield turn(write("README.md", _file(work, "README.md")), shell(_TESTS))
    if not seen.last.passed:
        yield stuck(seen.last)
    summary = "A starter with tests and a README. With a real model, this thread writes the rest."
    yield turn(finish(summary, ["README.md"], [_TESTS]))
