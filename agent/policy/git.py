"""Owns what git runs: aliases, programs in its configuration, sub-commands that take a command."""

import re
from collections.abc import Iterator
from itertools import pairwise

from agent.policy.words import Part, Word, any_of, as_text

_RUNS = re.compile(
    r"(core\.(pager|editor|fsmonitor|sshcommand|askpass|gitproxy)|sequence\.editor|gpg\.program"
    r"|diff\.external|pager\..*|.*\.(textconv|clean|smudge|process|command|cmd|driver))=(.*)",
    re.DOTALL,
)
"""Keys of its configuration whose value is a command."""


def normal(name: str, words: list[str]) -> list[str]:
    """git's global options stand before its sub-command and would hide it: they go last, keys of
    its configuration in small letters."""
    if name != "git":
        return words
    moved: list[str] = []
    while words and words[0].startswith("-"):
        taken = 2 if words[0] in ("-C", "-c", "--git-dir", "--work-tree", "--namespace") else 1
        option, value = words[0], words[1:taken]
        if option == "-c" and value:
            key, is_set, set_to = value[0].partition("=")
            value = [key.lower() + is_set + set_to]
        moved, words = [*moved, option, *value], words[taken:]
    return [*words, *moved]


def behind(_words: list[Word], known: list[str]) -> Iterator[Part]:
    """Commands in git's configuration and those that its sub-commands run."""
    for option, word in pairwise(known):
        if option == "-c":
            key, _, value = word.partition("=")
            yield from _configured(key.lower(), value)
    match normal("git", known):
        case ["config", *rest]:
            for key, value in pairwise(rest):
                yield from _configured(key.lower(), value)
        case ["rebase", *rest]:
            yield from _of_rebase(rest)
        case ["bisect", "run", *rest]:
            yield [None if word == "$" else word for word in rest]
        case ["submodule", *rest] if "foreach" in rest:
            yield from any_of(list(rest[rest.index("foreach") + 1 :]), or_variable=True)
        case _:
            pass


def _of_rebase(words: list[str]) -> Iterator[Part]:
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word in ("-x", "--exec"):
            yield as_text(following)
        elif word.startswith("--exec="):
            yield as_text(word.partition("=")[2])
        elif word.startswith("-x"):
            yield as_text(word[2:])


def _configured(key: str, value: str) -> Iterator[Part]:
    if key.startswith("alias."):
        yield as_text(value[1:] if value.startswith("!") else f"git {value}")
    elif _RUNS.fullmatch(f"{key}="):
        yield as_text(value)
