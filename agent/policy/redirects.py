"""Owns redirections: which files they open, and what they give a shell to read."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from agent.policy.literals import literal, text_of
from agent.policy.words import RUNS, Found, Text, Word


def opened(redirect: Node) -> Iterator[Found | None]:
    """`> FILE` when it opens a file for writing; `2>&1` does not."""
    operator = next((c.type for c in redirect.children if not c.is_named), "")
    targets = redirect.children_by_field_name("destination")
    if targets[1:]:
        yield None  # words of the command that stand behind it
    for target in targets[:1]:
        path = literal(target) or "$"
        if ">" in operator and not (operator == ">&" and target.type == "number"):
            yield Found([">", path])
        elif operator == "<":
            yield Found(["<", path], implied=True)


def fed(node: Node, readers: list[str]) -> Iterator[Found | Text | None]:
    """What shells among `readers` are given as their program."""
    if node.type == "file_redirect":
        target = node.children[-1]
        if target.type == "process_substitution":
            yield from (Found(["|", name]) for name in readers)
        elif any(child.type == "<&" for child in node.children):
            yield None
        elif path := literal(target):
            yield Found([RUNS, path], implied=True)
    elif node.type == "herestring_redirect":
        text = literal(node.named_children[-1]) if node.named_children else None
        yield Text(text)
    else:
        bodies = [child for child in node.children if child.type == "heredoc_body"]
        yield from (Text(_fed_text(node, body)) for body in bodies)


def _fed_text(heredoc: Node, body: Node) -> Word:
    """What is read of a heredoc; None where something is put into it first."""
    start = next(text_of(c) for c in heredoc.children if c.type == "heredoc_start")
    if set(start) & set("'\"\\"):
        return text_of(body)
    return None if body.named_children else re.sub(r"\\(?:([$`\\])|\n)", r"\1", text_of(body))
