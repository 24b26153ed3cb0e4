"""Owns which commands need a person: rules matched on parsed bash, the strictest hit wins.

A speed bump, not the wall: a script or a Makefile hides what it does. The wall is the sandbox,
which
holds no credentials and reaches no network. Everything here is pure; the policy in force is part of
the task's journal.

How much is asked is a preset: `default` goes by each rule's `decision`, `relaxed` and `strict` by
the rule's own word for them if it has one. Under `strict`, what no rule names and what does not
plainly just read falls to `strict_default`. `bash.py` says what a rule may name.
"""

import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent import bash
from agent.protocol import ApprovalPreset

Decision = Literal["allow", "ask", "deny"]
_STRICTNESS: dict[Decision, int] = {"allow": 0, "ask": 1, "deny": 2}

DEFAULT_POLICY = Path(__file__).with_name("default_policy.toml")


class PolicyError(Exception):
    """A policy file that cannot be used; one sentence naming the file, the rule and the problem."""


class Rule(BaseModel):
    """Matches a command whose words begin with `argv` (a list item means any of these) and, when
    `any_arg` is given, has one of those words somewhere after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    decision: Decision
    relaxed: Decision | None = None
    strict: Decision | None = None
    """In place of `decision` under that preset."""
    four_eyes: bool = False
    """The requester may not approve it; somebody else must."""
    reason: str
    argv: list[str | list[str]]
    any_arg: list[str] = []
    match: list[str] = []
    """Commands this rule must hit, checked when the policy is loaded."""
    not_match: list[str] = []

    def under(self, preset: ApprovalPreset) -> Decision:
        own = {"relaxed": self.relaxed, "default": None, "strict": self.strict}[preset]
        return own or self.decision


class ReadOnly(BaseModel):
    """A command that stays allowed under `strict`: begins with `argv` and has no word that looks
    like one of the patterns in `unless` (`$` stands for a word that cannot be read)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    argv: list[str | list[str]]
    unless: list[str] = []
    match: list[str] = []
    not_match: list[str] = []


class Examples(BaseModel):
    """What the whole policy must say under one preset, checked when it is loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: ApprovalPreset
    allow: list[str] = []
    ask: list[str] = []
    deny: list[str] = []

    def pairs(self) -> Iterator[tuple[Decision, str]]:
        yield from (("allow", text) for text in self.allow)
        yield from (("ask", text) for text in self.ask)
        yield from (("deny", text) for text in self.deny)


class Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    default: Decision = "allow"
    strict_default: Decision = "ask"
    unparsed: Decision = "ask"
    rules: list[Rule] = []
    read_only: list[ReadOnly] = []
    examples: list[Examples] = []


class Verdict(BaseModel):
    model_config = ConfigDict(frozen=True)

    decision: Decision
    reason: str = ""
    """Reasons of the rules that decided, for the card and for the model."""
    four_eyes: bool = False
    """One of the rules that ask wants somebody else than the requester to approve."""


def judge(policy: Policy, command: str, preset: ApprovalPreset = "default") -> Verdict:
    """The strictest decision over every command in the text, wrappers and substitutions
    followed."""
    found: list[tuple[Decision, str, bool]] = []
    for words in bash.commands(command):
        if words is None:
            found.append((policy.unparsed, "cannot be read with certainty", False))
            continue
        hits = [rule for rule in policy.rules if _hits(rule, words)]
        found += [(rule.under(preset), rule.reason, rule.four_eyes) for rule in hits]
        if any(_may_hit(rule, words) for rule in policy.rules):
            found.append((policy.unparsed, "cannot be read with certainty", False))
        elif not hits:
            found.append(_unnamed(policy, words, preset))
    decision = max((d for d, *_ in found), key=_STRICTNESS.__getitem__, default=policy.default)
    decided = [(reason, four_eyes) for d, reason, four_eyes in found if d == decision]
    return Verdict(
        decision=decision,
        reason="; ".join(dict.fromkeys(reason for reason, _ in decided if reason)),
        four_eyes=decision == "ask" and any(four_eyes for _, four_eyes in decided),
    )


def _unnamed(
    policy: Policy, words: list[str], preset: ApprovalPreset
) -> tuple[Decision, str, bool]:
    """The decision on a command that no rule names."""
    if preset != "strict" or _STRICTNESS[policy.default] > _STRICTNESS[policy.strict_default]:
        return policy.default, "", False
    if any(_reads(entry, words) for entry in policy.read_only):
        return policy.default, "", False
    return policy.strict_default, "does more than read, and approvals are strict here", False


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
    for complaint in _complaints(policy):
        raise PolicyError(f"The policy file {source} is wrong: {complaint}.")
    return _without_examples(policy)


def _without_examples(policy: Policy) -> Policy:
    """What is left to decide by: each task's journal holds it."""
    bare: dict[str, list[str]] = {"match": [], "not_match": []}
    return policy.model_copy(
        update={
            "rules": [rule.model_copy(update=bare) for rule in policy.rules],
            "read_only": [entry.model_copy(update=bare) for entry in policy.read_only],
            "examples": [],
        }
    )


def _complaints(policy: Policy) -> Iterator[str]:
    """What the examples in a policy do not bear out."""
    for rule in policy.rules:
        alone = Policy(rules=[rule])
        for text, expected in _expected(rule):
            if (judge(alone, text).reason == rule.reason) is not expected:
                verb = "match" if expected else "not match"
                yield f"rule {rule.id!r} should {verb} {text!r}"
    for entry in policy.read_only:
        only = Policy(read_only=[entry])
        for text, expected in _expected(entry):
            if (judge(only, text, "strict").decision == "allow") is not expected:
                verb = "match" if expected else "not match"
                yield f"read_only {entry.argv} should {verb} {text!r}"
    for given in policy.examples:
        for wanted, text in given.pairs():
            if (said := judge(policy, text, given.preset).decision) != wanted:
                yield f"under {given.preset!r} it says {said}, not {wanted}, to {text!r}"


def _expected(rule: Rule | ReadOnly) -> list[tuple[str, bool]]:
    return [*((text, True) for text in rule.match), *((text, False) for text in rule.not_match)]


def _hits(rule: Rule, words: list[str]) -> bool:
    if not _begins(words, rule.argv):
        return False
    rest = words[len(rule.argv) :]
    return not rule.any_arg or any(bash.is_arg(word, arg) for word in rest for arg in rule.any_arg)


def _may_hit(rule: Rule, words: list[str]) -> bool:
    """Whether the word that cannot be read stands where the rule names one: `git $WHAT`."""
    *known, last = words
    names = len(known) < len(rule.argv) and bool(known)
    return last == "$" and names and _begins(known, rule.argv[: len(known)])


def _reads(entry: ReadOnly, words: list[str]) -> bool:
    if not _begins(words, entry.argv):
        return False
    rest = words[len(entry.argv) :]
    return not any(fnmatchcase(word, pattern) for word in rest for pattern in entry.unless)


def _begins(words: list[str], argv: list[str | list[str]]) -> bool:
    return len(words) >= len(argv) and all(
        word in ([wanted] if isinstance(wanted, str) else wanted)
        for wanted, word in zip(argv, words, strict=False)
    )
