"""Owns the verdict on a command: which rules it hits, and the strictest of them."""

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from agent.policy import bash, hosts
from agent.policy.rules import STRICTNESS, Decision, Policy, ReadOnly, Rule
from agent.policy.words import RUNS, Found, is_arg
from agent.protocol import ApprovalPreset
from sandbox.protocol import PROJECT_DIR

MAX_CHARS = 100_000
MAX_COMMANDS = 2000
MAX_PLACES = 8
"""Folders that one text changes to."""
UNREADABLE = "cannot be read with certainty"
TOO_LONG = "is too long to be read"
_BEGINNING = re.compile(r"\s*cd +([A-Za-z0-9_./~-]+) *&&")
_ALWAYS_WRITABLE = ("/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd")


class Verdict(BaseModel):
    model_config = ConfigDict(frozen=True)

    decision: Decision
    reason: str = ""
    """Reasons of the rules that decided, for the card and for the model."""
    four_eyes: bool = False
    """One of the rules that ask wants somebody else than the requester to approve."""
    hits: list[str] = []
    """Ids of the rules that decided."""
    matched: list[str] = []
    """Ids of all rules that were hit."""


class _Finding(NamedTuple):
    decision: Decision
    reason: str = ""
    rule: str = ""
    four_eyes: bool = False


def judge(
    policy: Policy, command: str, preset: ApprovalPreset = "default", workdir: str = "."
) -> Verdict:
    """The strictest decision over every command in the text, wrappers and substitutions
    followed.

    Args:
        workdir: where it starts; relative to the project.
    """
    findings = list(_findings(policy, command, preset, workdir))
    decision = max(
        (found.decision for found in findings),
        key=STRICTNESS.__getitem__,
        default=policy.default,
    )
    decided = [found for found in findings if found.decision == decision]
    return Verdict(
        decision=decision,
        reason="; ".join(dict.fromkeys(found.reason for found in decided if found.reason)),
        four_eyes=decision == "ask" and any(found.four_eyes for found in decided),
        hits=list(dict.fromkeys(found.rule for found in decided if found.rule)),
        matched=list(dict.fromkeys(found.rule for found in findings if found.rule)),
    )


def strictest(verdicts: list[Verdict]) -> Verdict:
    """Of several texts that run as one; the first says what to say when all allow."""
    decision = max((one.decision for one in verdicts), key=STRICTNESS.__getitem__)
    decided = [one for one in verdicts if one.decision == decision]
    return Verdict(
        decision=decision,
        reason="; ".join(dict.fromkeys(one.reason for one in decided if one.reason)),
        four_eyes=any(one.four_eyes for one in decided),
        hits=list(dict.fromkeys(rule for one in decided for rule in one.hits)),
        matched=list(dict.fromkeys(rule for one in verdicts for rule in one.matched)),
    )


def scripts(command: str, workdir: str = ".") -> list[str]:
    """Shell scripts that the text runs by name, as far as that can be read: their paths."""
    if len(command) > MAX_CHARS:
        return []
    found = _commands(command)
    words = [one.words for one in found if one is not None]
    places = _places(words, _start(command, workdir))
    run = (one[1] for one in _resolved(words, places) if one[0] == RUNS)
    return list(dict.fromkeys(path for path in run if path != "$"))


def _findings(
    policy: Policy, command: str, preset: ApprovalPreset, workdir: str
) -> Iterator[_Finding]:
    if len(command) > MAX_CHARS:
        yield _Finding(policy.unparsed, TOO_LONG)
        return
    found = _commands(command)
    if len(found) > MAX_COMMANDS:
        yield _Finding(policy.unparsed, TOO_LONG)
    if None in found:
        yield _Finding(policy.unparsed, UNREADABLE)
    read = [one for one in found if one is not None]
    places = _places([one.words for one in read], _start(command, workdir))
    rules = _by_program(policy)
    seen: set[tuple[str, ...]] = set()
    for one in read:
        for words in _resolved([one.words], places):
            if (key := tuple(words)) in seen:
                continue
            seen.add(key)
            yield from _on_one(policy, rules, one, words, preset)


@lru_cache(maxsize=4)  # a text is judged, then asked for its scripts
def _commands(text: str) -> tuple[Found | None, ...]:
    """At most one more than may be."""
    return tuple(islice(bash.commands(text), MAX_COMMANDS + 1))


def _on_one(
    policy: Policy,
    rules: dict[str, list[Rule]],
    one: Found,
    words: list[str],
    preset: ApprovalPreset,
) -> Iterator[_Finding]:
    """What the policy says to the words of one command."""
    candidates = rules.get(words[0], []) + rules.get("", [])
    hits = [rule for rule in candidates if _hits(policy, rule, words)]
    for rule in hits:
        yield _Finding(rule.under(preset), rule.reason, rule.id, rule.four_eyes)
    if any(_may_hit(rule, words) for rule in candidates):
        yield _Finding(policy.unparsed, UNREADABLE)
    elif not hits and not one.implied:
        yield _unnamed(policy, words, preset)


def _unnamed(policy: Policy, words: list[str], preset: ApprovalPreset) -> _Finding:
    """The decision on a command that no rule names."""
    if preset != "strict" or STRICTNESS[policy.default] > STRICTNESS[policy.strict_default]:
        return _Finding(policy.default)
    if any(_reads(entry, words) for entry in policy.read_only):
        return _Finding(policy.default)
    return _Finding(
        policy.strict_default, "does more than read, and approvals are strict here", "strict"
    )


def _by_program(policy: Policy) -> dict[str, list[Rule]]:
    """Rules by the program they name; those for any program under the empty word."""
    index: dict[str, list[Rule]] = {}
    for rule in policy.rules:
        first = rule.argv[0] if rule.argv else ""
        for name in [first] if isinstance(first, str) else first:
            index.setdefault(name, []).append(rule)
    return index


# --- one rule -------------------------------------------------------------------------------------


def _hits(policy: Policy, rule: Rule, words: list[str]) -> bool:
    if not _begins(words, rule.argv):
        return False
    rest = words[len(rule.argv) :]
    return (
        (not rule.any_arg or any(is_arg(w, arg) for w in rest for arg in rule.any_arg))
        and (not rule.like or any(_looks(rule, word) for word in rest))
        and (not rule.outside or any(_is_outside(policy, word) for word in rest))
        and (not rule.remote or hosts.leaves(words, policy.egress_hosts))
    )


def _looks(rule: Rule, word: str) -> bool:
    return any(fnmatchcase(word, pattern) for pattern in rule.like) and not any(
        fnmatchcase(word, pattern) for pattern in rule.unlike
    )


def _is_outside(policy: Policy, path: str) -> bool:
    if not path.startswith(("/", "~")):
        return False
    inside = (*policy.writable, *_ALWAYS_WRITABLE)
    return not any(path == one or path.startswith(one.rstrip("/") + "/") for one in inside)


def _may_hit(rule: Rule, words: list[str]) -> bool:
    """Whether words that cannot be read stand where the rule names one: `git $WHAT`, `git pu?h`.

    An unquoted variable may also be no word, or several.
    """
    for at, wanted in enumerate(rule.argv):
        if at >= len(words):
            return False
        word = words[at]
        if word == "$":
            return at > 0
        names = [wanted] if isinstance(wanted, str) else wanted
        if word in names:
            continue
        return any(c in word for c in "*?[") and any(fnmatchcase(name, word) for name in names)
    return False


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


# --- paths ----------------------------------------------------------------------------------------


def _start(command: str, workdir: str) -> str:
    """Where all but a `cd FOLDER &&` at the very beginning runs."""
    start = _absolute(workdir, PROJECT_DIR)
    first = _BEGINNING.match(command)
    return _absolute(first[1], start) if first else start


def _places(commands: list[list[str]], start: str) -> list[str]:
    """Every folder that a relative path may begin at: where it starts, and each `cd`."""
    places = [start]
    for words in commands:
        if words[0] in ("cd", "pushd") and len(words) < 3:
            target = words[1] if len(words) == 2 else "~"
            if target not in ("$", "-") and len(places) <= MAX_PLACES:
                places += [_absolute(target, place) for place in places[:MAX_PLACES]]
                places = list(dict.fromkeys(places))
    return places


def _resolved(commands: list[list[str]], places: list[str]) -> Iterator[list[str]]:
    """The commands, with the paths of what is read, written, deleted or run made absolute."""
    for words in commands:
        if words[0] in bash.PATH_KINDS and len(words) == 2 and words[1] != "$":
            for place in places:
                yield [words[0], _absolute(words[1], place)]
        else:
            yield words


def _absolute(path: str, place: str) -> str:
    if path == "~" or path.startswith("~/"):
        inside = "/" + posixpath.normpath(path[1:] or "/").lstrip("/")
        return "~" if inside == "/" else "~" + inside
    joined = path if path.startswith("/") else f"{place}/{path}"
    if place.startswith("~") and not path.startswith("/"):
        return _absolute(joined, "/")
    return "/" + posixpath.normpath(joined).lstrip("/")
