"""Owns what one word of a command may be."""

Word = str | None
"""None for one that cannot be read: a variable, a substitution."""


def is_arg(word: str, wanted: str) -> bool:
    """`-rf` holds the flags `-r` and `-f`; anything else is compared whole."""
    if len(wanted) == 2 and wanted[0] == "-" and word[:1] == "-" and word[:2] != "--":
        return wanted[1] in word[1:]
    return word == wanted
