"""Owns the words of a parsed command: their text without quotes, where it can be read."""

import re

from tree_sitter import Node

from agent.policy.shells import SUBSTITUTED
from agent.policy.words import Word

_HERE = re.compile(r"\$(HOME|PWD)\b|\$\{(HOME|PWD)\}")
_BRACES = re.compile(r"\{[^{}]*(,|\.\.)[^{}]*\}")


def words_of(node: Node) -> list[list[Word]]:
    """Program and arguments with quotes removed; None where a variable or substitution stands, or
    anything else that becomes a word only when it runs. More than one command where the grammar
    overlooked the end of a line."""
    commands: list[list[Word]] = [[]]
    end = -1
    for child in node.children_by_field_name("name") + node.children_by_field_name("argument"):
        word = literal(child.children[0] if child.type == "command_name" else child)
        between = _between(node, end, child)
        words = commands[-1]
        if between == b"\\\n" and words:
            before = words.pop()
            word = None if before is None or word is None else before + word
        elif b"\n" in between.replace(b"\\\n", b""):
            words = []
            commands.append(words)
        words.append(word)
        end = child.end_byte
    return commands


def _between(node: Node, end: int, child: Node) -> bytes:
    """What stands between two words of a command; a line may go on in the middle of one."""
    text = node.text or b""
    return text[end - node.start_byte : child.start_byte - node.start_byte] if end >= 0 else b""


def literal(node: Node) -> Word:
    text = text_of(node)
    if node.type in ("word", "concatenation") and _BRACES.search(_bare(node, text)):
        return None
    match node.type:
        case "word" | "number":
            return re.sub(r"\\(.?)", r"\1", text.replace("\\\n", ""))
        case "raw_string":
            return text[1:-1]
        case "string":
            parts = [c for c in node.children if c.type.endswith(("expansion", "substitution"))]
            if not text.startswith('"') or not all(_HERE.fullmatch(text_of(c)) for c in parts):
                return None
            text = _HERE.sub(_place, text) if parts else text
            return re.sub(r"\\(?:([$`\"\\])|\n)", r"\1", text[1:-1])
        case "simple_expansion" | "expansion":
            return _place(found) if (found := _HERE.fullmatch(text)) else None
        case "concatenation":
            parts_of = [literal(child) for child in node.children]
            return None if None in parts_of else "".join(part or "" for part in parts_of)
        case "process_substitution" if node.children[0].type == "<(":
            return SUBSTITUTED
        case _:
            return None


def _bare(node: Node, text: str) -> str:
    """Without what is quoted: no brace there is expanded."""
    quoted = ("raw_string", "string", "ansi_c_string")
    parts = ("_" if child.type in quoted else text_of(child) for child in node.children)
    return "".join(parts) or text


def _place(found: re.Match[str]) -> str:
    return "~" if "HOME" in found[0] else "."


def text_of(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")
