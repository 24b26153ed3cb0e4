"""Owns what is told of a command, and what its words may be: unreadable, an option, a command of
their own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

Word = str | None
"""None for one that cannot be read: a variable, a substitution."""

_MOST_SUFFIXES = 40
_SHELL_TEXT = re.compile(r"[\s;&|`$<>\\'\"]|\{[^{}]*(,|\.\.)")
"""In a word that a shell may read again."""

RUNS = "!"
"""Before the path of a shell script that is run."""


class Found(NamedTuple):
    """A command, or what `bash.py` tells as the words of one."""

    words: list[str]
    implied: bool = False
    """Follows from a command that is given too; matters only to rules that name it."""


@dataclass(frozen=True)
class Text:
    """Text that is run as commands; None for one that cannot be read."""

    text: str | None


@dataclass(frozen=True)
class Setting:
    """A variable that the command behind a wrapper is handed."""

    name: str


Part = Text | Setting | list[Word]
"""What a command that runs another one gives away of it: its text, a variable, or its words."""


def is_arg(word: str, wanted: str) -> bool:
    """`-rf` holds the flags `-r` and `-f`; anything else is compared whole."""
    if len(wanted) == 2 and wanted[0] == "-" and word[:1] == "-" and word[:2] != "--":
        return wanted[1] in word[1:]
    return word == wanted


def as_text(word: str) -> Text:
    """Of a word that is run as commands; `$` stands for one that cannot be read."""
    return Text(None if word == "$" else word)


def any_of(words: list[Word], *, or_variable: bool) -> Iterator[Part]:
    """Every one of them may begin a command, and one with spaces may be a whole one.

    Args:
        or_variable: so may one that cannot be read.
    """
    if len(words) > _MOST_SUFFIXES:
        yield Text(None)
        return
    for at, word in enumerate(words):
        if word is None:
            yield from [Text(None)] if or_variable else []
        elif _SHELL_TEXT.search(word):
            yield Text(word)
        elif word[:1] not in ("-", "/", "") or "/bin/" in word:
            yield words[at:]
