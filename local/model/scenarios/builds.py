"""Small programs people can choose from when they ask for "something", or name right away."""

import re
from dataclasses import dataclass

from local.model.conversation import Conversation
from local.model.script import Script, Work, ask, finish, shell, step, stuck, turn, write
from local.model.sources import source

_VAGUE = re.compile(
    r"\b(?:build|make|write|create|code)\b(?: me| us)? (?:something|anything|an app|a program"
    r"|a project|a tool)\b\W*(?:nice|cool|useful|small|fun|please|for me|for us|\W)*$",
    re.IGNORECASE,
)
_GAME = re.compile(r"\b(?:build|make|write|create|code)\b(?: me| us)? a (?:\w+ )?game\b", re.I)
_TESTS = "python3 -m unittest -q"


@dataclass(frozen=True)
class Program:
    project: str
    option: str
    words: re.Pattern[str]
    try_out: str
    summary: str


PROGRAMS = [
    Program(
        "converter",
        "A unit converter",
        re.compile(r"unit converter|convert", re.IGNORECASE),
        "python3 converter.py 5 km mi",
        "lengths, weights and temperatures, refusing to mix them",
    ),
    Program(
        "guess",
        "A number guessing game",
        re.compile(r"guess", re.IGNORECASE),
        "printf '50\\n25\\n' | python3 guess.py | head -n 2",
        "a game that takes typos kindly, and a strategy that needs seven guesses at most",
    ),
    Program(
        "textstats",
        "Text statistics",
        re.compile(r"text stat|word count|count(?:s|ing)? words", re.IGNORECASE),
        "python3 textstats.py textstats.py",
        "words, sentences and the most common words of a file",
    ),
]
ASK_FIRST = ["builds.choose", "builds.program"]
KNOWN = ["builds.program"]
GOAL = "A small program with passing tests"


WHICH_GAME = "Which game shall it be?"
GAMES = ("A number guessing game", "Something else")


def asks_for_a_game(text: str) -> bool:
    return bool(_GAME.search(text)) and named(text) is None


def vague(text: str) -> bool:
    return bool(_VAGUE.search(text.strip()))


def named(text: str) -> Program | None:
    return next((program for program in PROGRAMS if program.words.search(text)), None)


def _chosen(work: Conversation) -> Program:
    """The answer is in the digest of the step that asked; else somebody wrote it."""
    said = (work.sections.get("Plan", ""), work.answers, work.all_said)
    return next(filter(None, map(named, said)), PROGRAMS[0])


@step(
    "builds.choose",
    "Ask what to build",
    "The request leaves open what to build: ask, with three suggestions.",
    "somebody has chosen",
)
def choose(_: Work) -> Script:
    options = [program.option for program in PROGRAMS]
    seen = yield turn(
        ask("What shall I build?", *options),
        think="That could be anything. Better to ask than to guess.",
    )
    answer = seen.last.data.get("answer")
    if not answer:
        yield turn(finish("Nobody said what to build.", outcome="blocked"))
    yield turn(finish(f"Chosen: {answer}."))


@step(
    "builds.program",
    "Build it, with tests",
    "Write the chosen program and its tests, run both.",
    "python3 -m unittest passes and the program runs",
)
def build(work: Work) -> Script:
    chosen = _chosen(work)
    main, test = f"{chosen.project}.py", f"tests/test_{chosen.project}.py"
    files = [main, "tests/__init__.py", test]
    seen = yield turn(
        *(write(path, source(chosen.project, path)) for path in files),
        shell(_TESTS),
        think=f"{chosen.option}: one file, one test file, nothing to install.",
    )
    if not seen.last.passed:
        yield stuck(seen.last)
    seen = yield turn(shell(chosen.try_out))
    if not seen.last.passed:
        yield stuck(seen.last)
    summary = f"{main} is there: {chosen.summary}."
    yield turn(finish(summary, files, [_TESTS, chosen.try_out]))
