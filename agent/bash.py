"""Owns reading a command's text: the words of every command in it, wrappers and substitutions
followed.

Beside commands, three things are given as the words of one: `> FILE` for a file that is written,
`= NAME` for a variable that a command is handed or may be, `/ FOLDER` for a program named by its
path. A word that cannot be read adds `$` at the end. Pure.
"""

import re
from collections.abc import Iterator
from functools import cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

_SHELLS = {"bash", "sh", "dash", "zsh"}
_WRAPPERS = {
    "env": "uC",
    "sudo": "ugpCDhrtTUR",
    "doas": "uC",
    "nohup": "",
    "time": "fo",
    "timeout": "sk",
    "nice": "n",
    "ionice": "cnpPu",
    "stdbuf": "ioe",
    "xargs": "IadEnLPs",
    "exec": "a",
    "command": "",
    "builtin": "",
    "coproc": "",
    "setsid": "",
}
"""Commands that run the one behind them, with their one-letter options that take a value."""
_LONG_FLAGS = {
    *("--null", "--no-run-if-empty", "--verbose", "--interactive", "--exit", "--open-tty"),
    *("--foreground", "--preserve-status", "--ignore-environment", "--portability", "--quiet"),
    *("--append", "--wait", "--fork", "--version", "--help"),
}
"""Of those commands; any other takes a value, unless it has one behind `=`."""
_EXEC = {"-exec", "-execdir", "-ok", "-okdir"}
_BRACES = re.compile(r"\{[^{}]*(,|\.\.)[^{}]*\}")
_MAX_DEPTH = 8


def is_arg(word: str, wanted: str) -> bool:
    """`-rf` holds the flags `-r` and `-f`; anything else is compared whole."""
    if len(wanted) == 2 and wanted[0] == "-" and word[:1] == "-" and word[:2] != "--":
        return wanted[1] in word[1:]
    return word == wanted


def commands(text: str, depth: int = 0) -> Iterator[list[str] | None]:
    """Words of each command in `text`; None for a part that cannot be read."""
    if depth > _MAX_DEPTH:
        yield None
        return
    tree = _parser().parse(_as_ascii(text))
    if tree.root_node.has_error:
        yield None
    stack = [tree.root_node]
    while stack:
        node = stack.pop()
        stack.extend(node.children)
        if node.type == "command":
            yield from _unwrap(_words(node), depth)
        elif node.type == "file_redirect":
            yield from _written(node)
        else:
            yield from (["=", name] for name in _assigned(node))


def _written(redirect: Node) -> Iterator[list[str] | None]:
    """`> FILE` when the redirection opens a file for writing; `2>&1` and `< FILE` do not."""
    operator = next((c.type for c in redirect.children if not c.is_named), "")
    targets = redirect.children_by_field_name("destination")
    if targets[1:]:
        yield None  # words of the command that stand behind it
    for target in targets[:1]:
        if ">" in operator and not (operator == ">&" and target.type == "number"):
            yield [">", _literal(target) or "$"]


def _assigned(node: Node) -> Iterator[str]:
    """Variables that commands see: set for one, exported, or maybe exported before, as the names in
    capitals are. Any other of the script itself changes nothing."""
    if node.type == "variable_assignment" and node.parent is not None:
        name = (node.named_children[0].text or b"").decode()
        if node.parent.type in ("command", "declaration_command") or name.isupper():
            yield name
    elif node.type in ("for_statement", "select_statement"):
        variable = node.child_by_field_name("variable")
        name = (variable.text or b"").decode() if variable else ""
        if name.isupper():
            yield name
    elif node.type == "declaration_command":
        for child in node.named_children:
            if child.type not in ("variable_assignment", "variable_name"):
                name, given, _ = (_literal(child) or "$=").partition("=")
                if given:
                    yield name


def _as_ascii(text: str) -> bytes:
    """What the grammar may see: its scanner reads outside its memory for some characters beyond
    ASCII. None of them is special to bash, and no rule names one.
    """
    return "".join(char if char.isascii() else "_" for char in text).encode()


def _unwrap(words: list[str | None], depth: int) -> Iterator[list[str] | None]:
    """The command itself and, for wrappers and shells, the command inside."""
    if not words:
        return
    if words[0] is None:
        yield None  # the program's name is built at run time
        return
    folder, slash, name = words[0].rpartition("/")
    if slash:
        yield ["/", folder]
    known = [word for word in words[1:] if word is not None]
    yield _normal(name, known) + ["$"] * (None in words)
    if (script := _script(name, words[1:])) is not None:
        yield from [None] if None in words else commands(script, depth + 1)
    for inner in _behind(name, words[1:]):
        yield from _unwrap(inner, depth)


def _script(name: str, words: list[str | None]) -> str | None:
    """What a command takes for commands in one word; None when there is none such."""
    known = [word or "$" for word in words]
    if name == "eval":
        return " ".join(known)
    if name == "trap":
        return known[0] if known and not known[0].startswith("-") else None
    inline = False
    while name in _SHELLS and known and known[0][:1] in ("-", "+") and known[0] not in ("-", "--"):
        option, known = known[0], known[1:]
        inline = inline or is_arg(option, "-c")
        long = option.startswith("--")
        values = option in ("--rcfile", "--init-file") if long else len(re.findall("[oO]", option))
        known = known[values:]
    known = known[1:] if known and known[0] in ("-", "--") else known
    return known[0] if inline and known else None


def _behind(name: str, words: list[str | None]) -> Iterator[list[str | None]]:
    """The commands among the words of one that runs others."""
    if name == "find":
        for at, word in enumerate(words, 1):
            if word in _EXEC:
                ends = [n for n in range(at, len(words)) if words[n] in (";", "+")]
                yield words[at : ends[0]] if ends else words[at:]
    elif name in _WRAPPERS:
        inner = _without_options(name, words)
        yield [*inner, "$"] if name == "xargs" and inner else inner  # it reads more of them


def _without_options(name: str, words: list[str | None]) -> list[str | None]:
    """The command behind a wrapper; one unreadable word when its options are not known."""
    while words and (word := words[0]) is not None:
        if word == "--":
            return words[1:]
        taken = 1
        if name == "env" and (word.startswith("--s") or is_arg(word, "-S")):
            return [None]  # a command in one word
        if word.startswith("--"):
            if "=" not in word and word not in _LONG_FLAGS:
                return [None]
        elif word[:1] in ("-", "+"):
            at = next((n for n, char in enumerate(word) if n and char in _WRAPPERS[name]), 0)
            taken = 2 if at and at == len(word) - 1 else 1
        elif not _is_setting(word):
            break
        words = words[taken:]
    return words


def _is_setting(word: str) -> bool:
    """`NAME=value` of env, or the duration of timeout."""
    return "=" in word or word.rstrip("smhd").replace(".", "").isdigit()


def _normal(name: str, words: list[str]) -> list[str]:
    """git's global options stand before its sub-command and would hide it: they go last."""
    moved: list[str] = []
    while name == "git" and words and words[0].startswith("-"):
        taken = 2 if words[0] in ("-C", "-c", "--git-dir", "--work-tree") else 1
        moved, words = [*moved, *words[:taken]], words[taken:]
    return [name, *words, *moved]


def _words(node: Node) -> list[str | None]:
    """Program and arguments with quotes removed; None where a variable or substitution stands, or
    anything else that becomes a word only when it runs."""
    words: list[str | None] = []
    end = -1
    for child in node.children_by_field_name("name") + node.children_by_field_name("argument"):
        word = _literal(child.children[0] if child.type == "command_name" else child)
        if child.start_byte - end == 2 and words:  # a line that goes on in the middle of a word
            before = words.pop()
            word = None if before is None or word is None else before + word
        words.append(word)
        end = child.end_byte
    return words


def _literal(node: Node) -> str | None:
    text = (node.text or b"").decode(errors="replace")
    if node.type in ("word", "concatenation") and _BRACES.search(text):
        return None
    match node.type:
        case "word" | "number":
            return text.replace("\\\n", "").replace("\\", "")
        case "raw_string":
            return text[1:-1]
        case "string":
            changed = any(c.type.endswith(("expansion", "substitution")) for c in node.children)
            if changed or not text.startswith('"'):
                return None
            return text[1:-1].replace("\\\n", "").replace('\\"', '"').replace("\\\\", "\\")
        case "concatenation":
            parts = [_literal(child) for child in node.children]
            return None if None in parts else "".join(part or "" for part in parts)
        case _:
            return None


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))
