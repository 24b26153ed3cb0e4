"""Owns where bash and the grammar part ways: commands that bash runs and the grammar takes for
something else.

Substitutions in patterns (`${x#$(…)}`), old ones inside of expansions and heredocs, and those in a
text that arithmetic reads again as an index (`test -v 'a[$(…)]'`) are data to the grammar. Where it
ends a word, a line, a string or a heredoc elsewhere, nothing behind that can be read.
"""

import re
from collections.abc import Iterator

from tree_sitter import Node

from agent.policy.literals import text_of

_BEGINS = re.compile(r"\\.|(`|\$\()", re.DOTALL)
_BETWEEN_BEGINS = re.compile(r"[<>]\((?!\()")
_INDEX = re.compile(r"\w\[[^\]\n]*?\\?(`|\$\\?\()")
_PLAIN = re.compile(r"`([^()\\'\"`$#<\n]+)`|[$<>]\(([^()\\'\"`$#<\n]*)\)")
_AGAIN = re.compile(r"@P\}")
"""Reads a variable's text as a prompt, with the substitutions in it."""
_STRING = re.compile(r"\$'(?:[^'\\]|\\[^'])*'")
"""One with escapes. Of a quote among them, the grammar and sh make something else than bash."""
_DELIMITER = re.compile(r"\\?[\w.!-]+|'[^'\n]+'|\"[\w .!-]+\"")
"""Ends a heredoc; the grammar may take any other for another."""
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_SUBSTITUTIONS = ("command_substitution", "process_substitution", "arithmetic_expansion")


def commands(root: Node, text: str) -> Iterator[str | None]:
    """Those of `text` that the grammar did not see; None for what cannot be read.

    Args:
        root: of the text as the grammar reads it, at the same places.
    """
    nodes, stack = list[Node](), [root]
    while stack:
        nodes.append(stack.pop())
        stack += nodes[-1].children
    yield from [None] if any(_is_misread(node, text) for node in nodes) else []
    live = _without(text, [node for node in nodes if _is_data(node)])
    bare = _without(live, [node for node in nodes if _is_quoted(node)])
    starts = {match.start(1) for match in _BEGINS.finditer(live) if match[1]}
    starts |= {match.start() for match in _BETWEEN_BEGINS.finditer(bare)}
    starts |= {match.start(1) for match in _INDEX.finditer(text)}
    for node in nodes:
        if node.type in _SUBSTITUTIONS:
            starts -= {node.start_byte}
            starts -= {node.end_byte - 1} if text[node.start_byte] == "`" else set()
    end = 0
    for start in sorted(starts):
        if start >= end:
            plain = _PLAIN.match(text, start)
            end = plain.end() if plain else start
            yield (plain[1] or plain[2] or "") if plain else None
    if _AGAIN.search(live):
        yield None


def _is_misread(node: Node, text: str) -> bool:
    match node.type:
        case "number":  # `0<<<`: a descriptor, taken for a word
            of_command = node.parent is not None and node.parent.type in ("command", "command_name")
            return of_command and text.startswith(("<", ">"), node.end_byte)
        case "word":  # a line that begins with a backslash, taken for the end of the one before
            return "\n" in _ESCAPED.sub("", text_of(node))
        case "heredoc_start":
            return not _DELIMITER.fullmatch(text_of(node))
        case "heredoc_redirect":  # words of the command that stand behind it
            return node.child_by_field_name("argument") is not None
        case "ansi_c_string":
            return not _STRING.fullmatch(text_of(node))
        case "command_substitution":  # one more inside, or signs that lose their backslash
            return text[node.start_byte] == "`" and "\\" in text_of(node)
        case _:
            return False


def _is_data(node: Node) -> bool:
    """Whether bash expands nothing in it. In an expansion that is quoted, quotes are no quotes."""
    if node.type == "heredoc_body":
        beside = node.parent.children if node.parent else []
        return any(c.type == "heredoc_start" and set(text_of(c)) & set("'\"\\") for c in beside)
    if node.type in ("raw_string", "ansi_c_string"):
        return not _in_expansion(node)
    return node.type == "comment"


def _is_quoted(node: Node) -> bool:
    """Whether only `$` and backticks mean something in it."""
    empty = node.type == "heredoc_body" and not node.children
    return empty or node.type in ("string_content", "heredoc_content")


def _in_expansion(node: Node) -> bool:
    above = node.parent
    while above is not None and above.type not in _SUBSTITUTIONS:
        if above.type == "expansion":
            return True
        above = above.parent
    return False


def _without(text: str, nodes: list[Node]) -> str:
    """The text with blanks in place of these."""
    parts, end = [], 0
    for node in sorted(nodes, key=lambda one: one.start_byte):
        if node.start_byte >= end:
            parts += [text[end : node.start_byte], " " * (node.end_byte - node.start_byte)]
            end = node.end_byte
    return "".join([*parts, text[end:]])
