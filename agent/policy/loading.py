"""Owns reading a policy file, and holding it to its own examples."""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from agent.policy.judging import judge
from agent.policy.rules import Policy, PolicyError, ReadOnly, Rule

DEFAULT_POLICY = Path(__file__).with_name("default.toml")


@cache
def load_policy(path: Path | None = None) -> Policy:
    """Read and check a policy file. Raises PolicyError.

    None is the one that is shipped: its examples were checked before, which takes longer than all
    else here.
    """
    source = path or DEFAULT_POLICY
    try:
        policy = Policy.model_validate(tomllib.loads(source.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"The policy file {source} cannot be read: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PolicyError(
            f"The policy file {source} is wrong at {place}: {first['msg']}."
        ) from None
    for complaint in _complaints(policy) if path is not None else ():
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
    ids = [rule.id for rule in policy.rules]
    yield from (f"two rules have the id {id_!r}" for id_ in ids if ids.count(id_) > 1)
    for rule in policy.rules:
        alone = policy.model_copy(update={"rules": [rule], "read_only": [], "default": "allow"})
        for text, expected in _expected(rule):
            if (rule.id in judge(alone, text).matched) is not expected:
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
