"""Owns which commands need a person: rules matched on parsed bash, the strictest hit wins.

A speed bump, not the wall: a script or a Makefile hides what it does. The wall is the sandbox,
which
holds no credentials and reaches no network. Everything here is pure; the policy in force is part of
the task's journal.
"""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import tree_sitter_bash
from pydantic import BaseModel, ConfigDict, ValidationError
from tree_sitter import Language, Node, Parser

Decision = Literal["allow", "ask", "deny"]
_STRICTNESS: dict[Decision, int] = {"allow": 0, "ask": 1, "deny": 2}

DEFAULT_POLICY = Path(__file__).with_name("default_policy.toml")

_SHELLS = {"bash", "sh", "dash", "zsh"}
_WRAPPERS = {
    "env",
    "sudo",
    "nohup",
    "time",
    "timeout",
    "nice",
    "xargs",
    "exec",
    "command",
    "setsid",
}
_WORDS = {
    "word",
    "string",
    "raw_string",
    "number",
    "concatenation",
    "simple_expansion",
    "expansion",
}
_MAX_DEPTH = 8


class PolicyError(Exception):
    """A policy file that cannot be used; one sentence naming the file, the rule and the problem."""


class Rule(BaseModel):
    """Matches a command whose words begin with `argv` (a list item means any of these) and, when
    `any_arg` is given, has one of those words somewhere after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    decision: Decision
    reason: str
    argv: list[str | list[str]]
    any_arg: list[str] = []
    match: list[str] = []
    """Commands this rule must hit, checked when the policy is loaded."""
    not_match: list[str] = []


class Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    default: Decision = "allow"
    unparsed: Decision = "ask"
    rules: list[Rule] = []


class Verdict(BaseModel):
    model_config = ConfigDict(frozen=True)

    decision: Decision
    reason: str = ""
    """Reasons of the rules that decided, for the card and for the model."""


def judge(policy: Policy, command: str) -> Verdict:
    """The strictest decision over every command in the text, wrappers and substitutions
    followed."""
    commands = list(_commands(command, 0))
    hits = [rule for words in commands for rule in policy.rules if words and _hits(rule, words)]
    decisions: list[tuple[Decision, str]] = [(rule.decision, rule.reason) for rule in hits]
    if None in commands:
        decisions.append((policy.unparsed, "cannot be read with certainty"))
    decision = max((d for d, _ in decisions), key=_STRICTNESS.__getitem__, default=policy.default)
    reasons = dict.fromkeys(reason for d, reason in decisions if d == decision)
    return Verdict(decision=decision, reason="; ".join(reasons))


@cache
def load_policy(path: Path | None = None) -> Policy:
    """Read and check a policy file, the default one when None. Raises PolicyError."""
    source = path or DEFAULT_POLICY
    try:
        policy = Policy.model_validate(tomllib.loads(source.read_text("utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"The policy file {source} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PolicyError(
            f"The policy file {source} is wrong at {place}: {first['msg']}."
        ) from None
    for rule in policy.rules:
        alone = Policy(rules=[rule])
        for text, expected in [
            *((t, True) for t in rule.match),
            *((t, False) for t in rule.not_match),
        ]:
            if (judge(alone, text).reason == rule.reason) is not expected:
                verb = "match" if expected else "not match"
                raise PolicyError(f"Rule {rule.id!r} of {source} should {verb} {text!r}.")
    return policy


def _hits(rule: Rule, words: list[str]) -> bool:
    if len(words) < len(rule.argv):
        return False
    for wanted, word in zip(rule.argv, words, strict=False):
        if word not in ([wanted] if isinstance(wanted, str) else wanted):
            return False
    rest = words[len(rule.argv) :]
    return not rule.any_arg or any(_is_arg(word, arg) for word in rest for arg in rule.any_arg)


def _is_arg(word: str, wanted: str) -> bool:
    """`-rf` holds the flags `-r` and `-f`; anything else is compared whole."""
    if len(wanted) == 2 and wanted[0] == "-" and word[:1] == "-" and word[:2] != "--":
        return wanted[1] in word[1:]
    return word == wanted


def _commands(text: str, depth: int) -> Iterator[list[str] | None]:
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
    name = words[0].rsplit("/", 1)[-1]
    known = [word for word in words[1:] if word is not None]
    yield _normal(name, known)
    if name in _SHELLS | {"eval"}:
        inline = name == "eval" or any(_is_arg(word, "-c") for word in known)
        if inline and None in words:
            yield None
        elif inline:
            scripts = [word for word in known if not word.startswith("-")]
            yield from _commands(" ".join(scripts) if name == "eval" else scripts[0], depth + 1)
    elif name in _WRAPPERS:
        inner = words[1:]
        while (inner and (inner[0] or "").startswith(("-", "+"))) or (
            inner and _is_setting(inner[0])
        ):
            inner = inner[1:]
        yield from _unwrap(inner, depth)


def _is_setting(word: str | None) -> bool:
    """`NAME=value` of env, or the duration of timeout."""
    return word is not None and ("=" in word or word.rstrip("smhd").replace(".", "").isdigit())


def _normal(name: str, words: list[str]) -> list[str]:
    """git's global options stand before its sub-command and would hide it."""
    if name == "git":
        while words and words[0].startswith("-"):
            words = words[2:] if words[0] in ("-C", "-c", "--git-dir", "--work-tree") else words[1:]
    return [name, *words]


def _words(node: Node) -> list[str | None]:
    """Program and arguments with quotes removed; None where a variable or substitution stands."""
    words: list[str | None] = []
    for child in node.children:
        inner = child.children[0] if child.type == "command_name" and child.children else child
        if inner.type in _WORDS:
            words.append(_literal(inner))
    return words


def _literal(node: Node) -> str | None:
    text = (node.text or b"").decode(errors="replace")
    match node.type:
        case "word" | "number":
            return text.replace("\\", "")
        case "raw_string":
            return text[1:-1]
        case "string":
            if any(child.type.endswith(("expansion", "substitution")) for child in node.children):
                return None
            return text[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        case "concatenation":
            parts = [_literal(child) for child in node.children]
            return None if None in parts else "".join(part or "" for part in parts)
        case _:
            return None


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))
