"""Owns reading a command's text: the words of every command in it, wrappers and substitutions
followed.

Beside commands, these are given as the words of one, for rules to name: `> FILE` that is written,
`< FILE` that is read, `- FILE` that is deleted, `! FILE` for a shell script that is run, `= NAME`
for a variable that a command is handed or may be, `/ FOLDER` for a program named by its path,
`| PROGRAM` for a shell or interpreter that is given its program by another command, and `& NAME`
for a function that multiplies itself. A word that cannot be read is `$`. Pure.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from agent.policy import files, git, hidden, redirects, shells, wrappers
from agent.policy.literals import literal, text_of, words_of
from agent.policy.words import RUNS, Found, Setting, Text, Word

PATH_KINDS = ("<", ">", "-", RUNS)
_RUN_BY_OTHERS = {
    *("GIT_EDITOR", "GIT_SEQUENCE_EDITOR", "GIT_PAGER", "GIT_EXTERNAL_DIFF", "GIT_ASKPASS"),
    *("SSH_ASKPASS", "PAGER", "MANPAGER", "EDITOR", "VISUAL", "BROWSER", "LESSOPEN"),
}
"""Variables that hold a command."""
_MAX_DEPTH = 8
_MAX_NODES = 20_000
_MAX_CODE = 10_000
"""Characters outside heredocs; the grammar's time may grow with the square of them."""
_MAX_PIPES = 1000
_COMPOUND = re.compile(
    r"[{!]|(if|while|until|for|case|select|function|time|coproc)\b|\S+\s*\(\s*\)"
)
"""Begins what is no simple command."""
_OTHERS = re.compile(r"[^\t\n -~]")
_RESERVED = {"!", "{", "if", "while", "until", "for", "case", "select", "function"}
_EXPANDED = re.compile(r"[*?[]|\{.")
_JOINED = re.compile(r"\S\\\n(?=\S)|^[ \t]*\\\n", re.MULTILINE)
"""A line that goes on in the middle of something, or begins with nothing."""
_HEREDOC = re.compile(r"<<-?[ \t]*[\\'\"]?(\w+)")


class _Effort:
    """What one text may cost in all, with the texts inside it. Counted, never timed: the same text
    gets the same verdict on every machine."""

    def __init__(self) -> None:
        self.nodes = 0
        self.code = 0
        self.pipes = 0
        self.seen: set[tuple[str, bool]] = set()
        self.inputs: list[tuple[Node, int]] = []
        """Redirections of some input, with their depths."""
        self.readers: dict[str, None] = {}
        """Shells that are given their program by their input."""


class _Around(NamedTuple):
    """What stands around a command."""

    effort: _Effort
    depth: int
    text: str
    """The whole text it stands in."""
    piped: bool = False
    """Another command writes its input."""


def commands(text: str) -> Iterator[Found | None]:
    """Words of each command in `text`; None for a part that cannot be read."""
    effort = _Effort()
    yield from _commands(text, _Around(effort, 0, text))
    while effort.readers and effort.inputs:  # which of them is whose is not followed
        node, depth = effort.inputs.pop()
        for part in redirects.fed(node, list(effort.readers)):
            if isinstance(part, Text):
                yield from _commands(part.text, _Around(effort, depth + 1, text))
            else:
                yield part


def _commands(text: str | None, around: _Around) -> Iterator[Found | None]:
    """Those of a text that stands alone, at the depth that is given."""
    effort = around.effort
    if text is None or around.depth > _MAX_DEPTH:
        yield None
        return
    if (text, around.piped) in effort.seen:
        return
    effort.seen.add((text, around.piped))
    effort.code += _code(text)
    effort.pipes += text.count("|")
    if effort.code > _MAX_CODE or effort.pipes > _MAX_PIPES:
        yield None
        return
    text = _as_ascii(text)
    root = _parser().parse(text.encode()).root_node
    if root.has_error:
        yield None
    around = around._replace(text=text)
    inside = around._replace(depth=around.depth + 1)
    for unseen in hidden.commands(root, text):
        yield from _commands(unseen, inside)
    if _JOINED.search(text):
        yield from _commands(text.replace("\\\n", ""), inside)
    yield from _of_tree(root, around)


def _of_tree(root: Node, around: _Around) -> Iterator[Found | None]:
    effort = around.effort
    stack = [(root, around)]
    while stack:
        node, around = stack.pop()
        effort.nodes += 1
        if effort.nodes > _MAX_NODES:
            yield None
            return
        yield from _of_node(node, around)
        children = node.children
        if node.type == "function_definition" or _is_into(node):
            around = around._replace(piped=True)
        for at, child in enumerate(children):
            piped = around.piped or (node.type == "pipeline" and at > 0)
            into = node.type == "heredoc_redirect" and child.type == "pipeline"
            stack.append((child, around._replace(piped=piped or into)))


def _of_node(node: Node, around: _Around) -> Iterator[Found | None]:
    if node.type == "command":
        yield from _command(node, around)
        if text_of(node.children[0]) in ("time", "coproc"):
            yield from _behind(node, around)
    elif node.type == "negated_command":
        yield from _behind(node, around)
    elif node.type == "file_redirect":
        yield from redirects.opened(node)
        if any(child.type in ("<", "<&", "<>") for child in node.children):
            around.effort.inputs.append((node, around.depth))
    elif node.type in ("heredoc_redirect", "herestring_redirect"):
        around.effort.inputs.append((node, around.depth))
    elif node.type == "function_definition":
        yield from _multiplying(node)
    else:
        yield from _assigned(node, around)


def _behind(node: Node, around: _Around) -> Iterator[Found | None]:
    """What stands behind `!`, `time` and `coproc`: the grammar reads only a simple command there,
    and takes the beginning of any other for one."""
    for child in node.children[1:5]:  # behind options of `time`, or a coprocess's name
        rest = around.text[child.start_byte :]
        if _COMPOUND.match(rest):
            fed = around.piped or text_of(node.children[0]) == "coproc"
            yield from _commands(rest, around._replace(depth=around.depth + 1, piped=fed))


def _code(text: str) -> int:
    """Characters that are no heredoc's."""
    count, held, end = 0, 0, ""
    for line in text.splitlines():
        if end and line.lstrip("\t") == end:
            held, end = 0, ""
        elif end:
            held += len(line)
        else:
            count += len(line)
            begins = _HEREDOC.findall(line)
            end = begins[-1] if begins else ""
    return count + held


def _is_into(node: Node) -> bool:
    return node.type == "process_substitution" and node.children[0].type == ">("


def _command(node: Node, around: _Around) -> Iterator[Found | None]:
    for words in words_of(node):
        yield from _unwrap(words, around)


def _unwrap(words: list[Word], around: _Around) -> Iterator[Found | None]:
    """The command itself and, for wrappers and shells, the command inside."""
    if not words:
        return
    if words[0] is None or not _is_name(words[0]):
        yield None  # made at run time, or what bash may read as the beginning of another command
        return
    if around.depth > _MAX_DEPTH:
        yield None
        return
    folder, slash, name = words[0].rpartition("/")
    if slash:
        yield Found(["/", folder])
    shown = ["$" if word is None else word for word in words[1:]]
    yield Found([name, *git.normal(name, shown)])
    for kind, path in files.named(name, shown):
        yield Found([kind, path], implied=True)
    yield from _program_of(name, words, around)
    fed = around.piped or name == "coproc"
    inside = around._replace(depth=around.depth + 1, piped=fed)
    parts = list(wrappers.behind(name, words[1:]))
    if name == "env" and all(isinstance(part, Setting) for part in parts):
        yield Found(["printenv"], implied=True)
    for part in parts:
        if isinstance(part, Text):
            yield from _commands(part.text, inside)
        elif isinstance(part, Setting):
            yield Found(["=", part.name])
        else:
            yield from _unwrap(part, inside)


def _is_name(word: str) -> bool:
    return word in ("[", "[[") or (word not in _RESERVED and not _EXPANDED.search(word))


def _program_of(name: str, words: list[Word], around: _Around) -> Iterator[Found | None]:
    """Where a shell or an interpreter has its program from, unless from its words."""
    source = shells.source_of(name, words)
    reads = shells.is_shell(name) or name in ("source", ".")
    if reads and any(word is None or _EXPANDED.search(word) for word in words[1:]):
        around.effort.readers[name] = None  # perhaps from its input: the word may be nothing
        if around.piped and "-n" not in words:
            yield Found(["|", name])
    if source is None:
        return
    if source == shells.SUBSTITUTED:
        yield Found(["|", name])
    elif source != shells.STDIN:
        if reads or name == source.rpartition("/")[2]:
            yield Found([RUNS, source], implied=True)
    else:
        if around.piped:
            yield Found(["|", name])
        if reads:
            around.effort.readers[name] = None


def _multiplying(function: Node) -> Iterator[Found]:
    """A function that starts itself twice over, or beside itself: a fork bomb."""
    name = text_of(function.named_children[0])
    body = function.named_children[-1]
    itself, stack, beside = 0, [body], False
    while stack:
        node = stack.pop()
        stack += node.children
        beside = beside or node.type == "&"
        itself += node.type == "command_name" and text_of(node) == name
    if itself and (beside or itself > 1):
        yield Found(["&", name])


def _assigned(node: Node, around: _Around) -> Iterator[Found | None]:
    """Variables that commands see: set for one, exported, or maybe exported before, as the names in
    capitals are. Any other of the script itself changes nothing."""
    if node.type == "variable_assignment" and node.parent is not None:
        name = text_of(node.named_children[0]).partition("[")[0]
        if node.parent.type in ("command", "declaration_command") or name.isupper():
            yield Found(["=", name])
        if name in _RUN_BY_OTHERS and len(node.named_children) > 1:
            text = literal(node.named_children[1])
            yield from _commands(text, around._replace(depth=around.depth + 1))
    elif node.type in ("for_statement", "select_statement"):
        variable = node.child_by_field_name("variable")
        name = text_of(variable) if variable else ""
        if name.isupper():
            yield Found(["=", name])
    elif node.type == "declaration_command":
        for child in node.named_children:
            if child.type not in ("variable_assignment", "variable_name"):
                name, given, _ = (literal(child) or "$=").partition("=")
                if given:
                    yield Found(["=", name])


def _as_ascii(text: str) -> str:
    """What the grammar may see: its scanner reads outside its memory for some characters beyond
    ASCII, and takes others for blanks. None of them is special to bash, and no rule names one.
    """
    return _OTHERS.sub("_", text)


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))
