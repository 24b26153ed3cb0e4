"""Owns shells and interpreters: where each has its program from."""

import re
from collections.abc import Iterator

from agent.policy.words import Part, Text, Word, is_arg

STDIN = "-"
SUBSTITUTED = "<("
"""The word that a process substitution becomes."""

_SHELLS = {"bash", "sh", "dash", "zsh", "ksh", "ash", "mksh", "fish", "rbash"}
_INTERPRETERS = re.compile(
    r"(python|pypy|node|nodejs|perl|ruby|php|deno|bun|lua|tclsh|osascript|pwsh|Rscript|groovy)"
    r"[0-9.]*"
)


_DESCRIPTOR = re.compile(r"(/dev|/proc/[^/]+)/fd/")


def is_shell(name: str) -> bool:
    return name in _SHELLS


def source_of(name: str, words: list[Word]) -> str | None:
    """Where a shell or an interpreter has its program from: `STDIN`, `SUBSTITUTED` or a file. None
    for any other command, and when the program is among its words or cannot be read."""
    known = [word if word is not None else "$" for word in words[1:]]
    if name in ("source", "."):
        rest = known[1:] if known[:1] == ["--"] else known
        return _file(rest[0]) if rest else None
    if is_shell(name):
        rest, inline = _without_shell_options(known)
        if inline:
            return None
        if not rest or any(is_arg(word, "-s") for word in known[: len(known) - len(rest)]):
            return STDIN
        return _file(rest[0])
    if _INTERPRETERS.fullmatch(name):
        first = known[0] if known else "-"
        return _file(first) if first in ("-", "/dev/stdin", SUBSTITUTED) else None
    program = words[0] or ""
    folder, slash, _ = program.rpartition("/")
    return program if slash and not folder.endswith("bin") else None


def _file(word: str) -> str | None:
    if word in ("-", "/dev/stdin") or _DESCRIPTOR.match(word):
        return STDIN
    return None if word == "$" else word


def _without_shell_options(words: list[str]) -> tuple[list[str], bool]:
    """What stands behind a shell's options, and whether it is its program."""
    inline = False
    while words and words[0][:1] in ("-", "+") and words[0] not in ("-", "--"):
        option, words = words[0], words[1:]
        inline = inline or is_arg(option, "-c")
        long = option.startswith("--")
        values = option in ("--rcfile", "--init-file") if long else len(re.findall("[oO]", option))
        words = words[values:]
    return (words[1:] if words and words[0] in ("-", "--") else words), inline


def in_shell(words: list[Word], known: list[str]) -> Iterator[Part]:
    """The program among a shell's words: as they are, and the same with `$`."""
    rest, inline = _without_shell_options(known)
    if inline and rest:
        unread = None in words[: len(words) - len(rest)] or rest[0] == "$"
        yield Text(None if unread else rest[0])
    elif rest[:1] == ["$"]:  # perhaps an option
        yield from (Text(word) for word in rest[1:] if word != "$")
