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

from agent.policy import files, wrappers
from agent.policy.words import Word, is_arg

__all__ = ["PATH_KINDS", "RUNS", "Found", "commands", "is_arg"]

RUNS = "!"
PATH_KINDS = ("<", ">", "-", RUNS)
_HERE = re.compile(r"\$(HOME|PWD)\b|\$\{(HOME|PWD)\}")
_BRACES = re.compile(r"\{[^{}]*(,|\.\.)[^{}]*\}")
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
_HEREDOC = re.compile(r"<<-?[ \t]*[\\'\"]?(\w+)")


class Found(NamedTuple):
    words: list[str]
    implied: bool = False
    """Follows from a command that is given too; matters only to rules that name it."""


class _Effort:
    """What one text may cost in all, with the texts inside it. Counted, never timed: the same text
    gets the same verdict on every machine."""

    def __init__(self) -> None:
        self.nodes = 0
        self.code = 0
        self.pipes = 0
        self.seen: set[str] = set()


class _Around(NamedTuple):
    """What stands around a command."""

    effort: _Effort
    depth: int
    piped: bool = False
    """Another command writes its input."""
    fed: tuple[Node, ...] = ()
    """Heredocs that are its input."""


def commands(text: str) -> Iterator[Found | None]:
    """Words of each command in `text`; None for a part that cannot be read."""
    yield from _commands(text, _Around(_Effort(), 0))


def _commands(text: str | None, around: _Around) -> Iterator[Found | None]:
    """Those of a text that stands alone, at the depth that is given."""
    effort = around.effort
    if text is None or around.depth > _MAX_DEPTH:
        yield None
        return
    if text in effort.seen:
        return
    effort.seen.add(text)
    effort.code += _code(text)
    effort.pipes += text.count("|")
    if effort.code > _MAX_CODE or effort.pipes > _MAX_PIPES:
        yield None
        return
    root = _parser().parse(_as_ascii(text)).root_node
    if root.has_error:
        yield None
    stack = [(root, _Around(effort, around.depth))]
    while stack:
        node, around = stack.pop()
        effort.nodes += 1
        if effort.nodes > _MAX_NODES:
            yield None
            return
        yield from _of_node(node, around)
        children = node.children
        around = _within(node, children, around)
        for at, child in enumerate(children):
            piped = around.piped or (node.type == "pipeline" and at > 0)
            into = node.type == "heredoc_redirect" and child.type == "pipeline"
            fed = (*around.fed, node) if into else around.fed
            stack.append((child, around._replace(piped=piped or into, fed=fed)))


def _of_node(node: Node, around: _Around) -> Iterator[Found | None]:
    if node.type == "command":
        yield from _command(node, around)
    elif node.type == "file_redirect":
        yield from _redirected(node)
    elif node.type == "function_definition":
        yield from _multiplying(node)
    else:
        yield from _assigned(node, around)


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


def _within(node: Node, children: list[Node], around: _Around) -> _Around:
    """What stands around the children of `node`."""
    if node.type == "process_substitution" and children[0].type == ">(":
        return around._replace(piped=True)
    if node.type == "redirected_statement":
        fed = [one for one in children if one.type == "heredoc_redirect"]
        return around._replace(fed=(*around.fed, *fed)) if fed else around
    return around


def _command(node: Node, around: _Around) -> Iterator[Found | None]:
    words = _words(node)
    here = [child for child in node.children if child.type == "herestring_redirect"]
    if here:
        around = around._replace(fed=(*around.fed, *here))
    yield from _unwrap(words, around)


def _unwrap(words: list[Word], around: _Around) -> Iterator[Found | None]:
    """The command itself and, for wrappers and shells, the command inside."""
    if not words:
        return
    if words[0] is None or (any(c in words[0] for c in "*?[") and words[0] not in ("[", "[[")):
        yield None  # the program's name is made at run time
        return
    if around.depth > _MAX_DEPTH:
        yield None
        return
    folder, slash, name = words[0].rpartition("/")
    if slash:
        yield Found(["/", folder])
    shown = ["$" if word is None else word for word in words[1:]]
    yield Found([name, *wrappers.normal(name, shown)])
    for kind, path in files.named(name, shown):
        yield Found([kind, path], implied=True)
    yield from _program_of(name, words, around)
    inside = around._replace(depth=around.depth + 1)
    parts = list(wrappers.behind(name, words[1:]))
    if name == "env" and all(isinstance(part, wrappers.Setting) for part in parts):
        yield Found(["printenv"], implied=True)
    for part in parts:
        if isinstance(part, wrappers.Text):
            yield from _commands(part.text, inside)
        elif isinstance(part, wrappers.Setting):
            yield Found(["=", part.name])
        else:
            yield from _unwrap(part, inside)


def _program_of(name: str, words: list[Word], around: _Around) -> Iterator[Found | None]:
    """Where a shell or an interpreter has its program from, unless from its words."""
    source = wrappers.source_of(name, words)
    if source is None:
        return
    if source == wrappers.SUBSTITUTED:
        yield Found(["|", name])
    elif source != wrappers.STDIN:
        if wrappers.is_shell(name) or name in ("source", ".") or name == source.rpartition("/")[2]:
            yield Found([RUNS, source], implied=True)
    else:
        if around.piped:
            yield Found(["|", name])
        if wrappers.is_shell(name) or name in ("source", "."):
            for node in around.fed:
                yield from _fed(node, around._replace(depth=around.depth + 1))


def _fed(node: Node, around: _Around) -> Iterator[Found | None]:
    """The commands in a heredoc or a here-string that a shell reads."""
    if node.type == "herestring_redirect":
        text = _literal(node.named_children[-1]) if node.named_children else None
    else:
        bodies = [child for child in node.children if child.type == "heredoc_body"]
        text = _text(bodies[0]) if bodies else ""
    yield from _commands(text, around)


def _redirected(redirect: Node) -> Iterator[Found | None]:
    """`> FILE` when it opens a file for writing; `2>&1` does not."""
    operator = next((c.type for c in redirect.children if not c.is_named), "")
    targets = redirect.children_by_field_name("destination")
    if targets[1:]:
        yield None  # words of the command that stand behind it
    for target in targets[:1]:
        path = _literal(target) or "$"
        if ">" in operator and not (operator == ">&" and target.type == "number"):
            yield Found([">", path])
        elif operator == "<":
            yield Found(["<", path], implied=True)


def _multiplying(function: Node) -> Iterator[Found]:
    """A function that starts itself twice over, or beside itself: a fork bomb."""
    name = _text(function.named_children[0])
    body = function.named_children[-1]
    itself, stack, beside = 0, [body], False
    while stack:
        node = stack.pop()
        stack += node.children
        beside = beside or node.type == "&"
        itself += node.type == "command_name" and _text(node) == name
    if itself and (beside or itself > 1):
        yield Found(["&", name])


def _assigned(node: Node, around: _Around) -> Iterator[Found | None]:
    """Variables that commands see: set for one, exported, or maybe exported before, as the names in
    capitals are. Any other of the script itself changes nothing."""
    if node.type == "variable_assignment" and node.parent is not None:
        name = _text(node.named_children[0])
        if node.parent.type in ("command", "declaration_command") or name.isupper():
            yield Found(["=", name])
        if name in _RUN_BY_OTHERS and len(node.named_children) > 1:
            text = _literal(node.named_children[1])
            yield from _commands(text, around._replace(depth=around.depth + 1))
    elif node.type in ("for_statement", "select_statement"):
        variable = node.child_by_field_name("variable")
        name = _text(variable) if variable else ""
        if name.isupper():
            yield Found(["=", name])
    elif node.type == "declaration_command":
        for child in node.named_children:
            if child.type not in ("variable_assignment", "variable_name"):
                name, given, _ = (_literal(child) or "$=").partition("=")
                if given:
                    yield Found(["=", name])


# --- words ----------------------------------------------------------------------------------------


def _words(node: Node) -> list[Word]:
    """Program and arguments with quotes removed; None where a variable or substitution stands, or
    anything else that becomes a word only when it runs."""
    words: list[Word] = []
    end = -1
    for child in node.children_by_field_name("name") + node.children_by_field_name("argument"):
        word = _literal(child.children[0] if child.type == "command_name" else child)
        if child.start_byte - end == 2 and words and _joined(node, end):
            before = words.pop()
            word = None if before is None or word is None else before + word
        words.append(word)
        end = child.end_byte
    return words


def _joined(node: Node, end: int) -> bool:
    """Whether a line goes on in the middle of a word there."""
    text = node.text or b""
    return text[end - node.start_byte : end - node.start_byte + 2] == b"\\\n"


def _literal(node: Node) -> Word:
    text = _text(node)
    if node.type in ("word", "concatenation") and _BRACES.search(text):
        return None
    match node.type:
        case "word" | "number":
            return text.replace("\\\n", "").replace("\\", "")
        case "raw_string":
            return text[1:-1]
        case "string":
            parts = [c for c in node.children if c.type.endswith(("expansion", "substitution"))]
            if not text.startswith('"') or not all(_HERE.fullmatch(_text(c)) for c in parts):
                return None
            text = _HERE.sub(_place, text) if parts else text
            return text[1:-1].replace("\\\n", "").replace('\\"', '"').replace("\\\\", "\\")
        case "simple_expansion" | "expansion":
            return _place(found) if (found := _HERE.fullmatch(text)) else None
        case "concatenation":
            parts_of = [_literal(child) for child in node.children]
            return None if None in parts_of else "".join(part or "" for part in parts_of)
        case "process_substitution" if node.children[0].type == "<(":
            return wrappers.SUBSTITUTED
        case _:
            return None


def _place(found: re.Match[str]) -> str:
    return "~" if "HOME" in found[0] else "."


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def _as_ascii(text: str) -> bytes:
    """What the grammar may see: its scanner reads outside its memory for some characters beyond
    ASCII. None of them is special to bash, and no rule names one.
    """
    return "".join(char if char.isascii() else "_" for char in text).encode()


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))
