"""Owns the language Block Kit rules are written in: a check notes what is wrong with a JSON value.

The sentences are Slack's: `must be less than 3001 characters [json-pointer:/blocks/0/text/text]`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Problems = list[str]
Check = Callable[[object, str, Problems], None]


def note(problems: Problems, message: str, pointer: str) -> None:
    problems.append(f"{message} [json-pointer:{pointer}]")


def text(maximum: int, minimum: int = 1) -> Check:
    def check(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str):
            note(problems, "must provide a string", pointer)
        elif len(value) < minimum:
            note(problems, f"must be more than {minimum - 1} characters", pointer)
        elif len(value) > maximum:
            note(problems, f"must be less than {maximum + 1} characters", pointer)

    return check


def boolean(value: object, pointer: str, problems: Problems) -> None:
    if not isinstance(value, bool):
        note(problems, "must provide a boolean", pointer)


def integer(minimum: int, maximum: int) -> Check:
    def check(value: object, pointer: str, problems: Problems) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            note(problems, "must provide an integer", pointer)
        elif not minimum <= value <= maximum:
            note(problems, f"must be between {minimum} and {maximum}", pointer)

    return check


def number(value: object, pointer: str, problems: Problems) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        note(problems, "must provide a number", pointer)


def choice(*allowed: str) -> Check:
    def check(value: object, pointer: str, problems: Problems) -> None:
        if value not in allowed:
            note(problems, f"must be one of: {', '.join(allowed)}", pointer)

    return check


def pattern(expression: str, message: str) -> Check:
    compiled = re.compile(expression)

    def check(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            note(problems, message, pointer)

    return check


def url(maximum: int = 3000) -> Check:
    length = text(maximum)

    def check(value: object, pointer: str, problems: Problems) -> None:
        length(value, pointer, problems)
        if isinstance(value, str) and value and not re.match(r"[a-z][a-z0-9+.-]*:", value):
            note(problems, "must be a valid URL", pointer)

    return check


def anything(_value: object, _pointer: str, _problems: Problems) -> None:
    """For parts whose inside Slack does not describe."""


def array(item: Check, maximum: int, minimum: int = 1) -> Check:
    def check(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, list):
            note(problems, "must provide an array", pointer)
            return
        if len(value) < minimum:
            note(problems, f"no fewer than {minimum} items required", pointer)
        if len(value) > maximum:
            note(problems, f"no more than {maximum} items allowed", pointer)
        for index, one in enumerate(value):
            item(one, f"{pointer}/{index}", problems)

    return check


@dataclass(frozen=True)
class Shape:
    """An object: its fields, those it must have, and rules over the whole of it."""

    fields: Mapping[str, Check]
    required: tuple[str, ...] = ()
    rules: tuple[Check, ...] = field(default=())

    def __call__(self, value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            note(problems, "must provide an object", pointer)
            return
        for name in self.required:
            if name not in value:
                note(problems, f"missing required field: {name}", pointer)
        for name, one in value.items():
            known = self.fields.get(name)
            if known is None:
                note(problems, f"invalid additional property: {name}", pointer)
            else:
                known(one, f"{pointer}/{name}", problems)
        for rule in self.rules:
            rule(value, pointer, problems)


def tagged(shapes: Mapping[str, Shape]) -> Check:
    """An object whose `type` says which shape it has."""

    def check(value: object, pointer: str, problems: Problems) -> None:
        if not isinstance(value, dict):
            note(problems, "must provide an object", pointer)
        elif "type" not in value:
            note(problems, "missing required field: type", pointer)
        elif not isinstance(value["type"], str) or value["type"] not in shapes:
            note(problems, f"unsupported type: {value['type']}", f"{pointer}/type")
        else:
            shapes[value["type"]](value, pointer, problems)

    return check


def shape(
    fields: Mapping[str, Check],
    required: tuple[str, ...] = (),
    rules: tuple[Check, ...] = (),
) -> Shape:
    """A shape of a tagged object: `type` belongs to it and was looked at already."""
    return Shape({"type": anything, **fields}, required, rules)


def one_of_fields(*names: str) -> Check:
    """A rule: the object has at least one of these fields."""

    def check(value: object, pointer: str, problems: Problems) -> None:
        if isinstance(value, dict) and not any(value.get(name) for name in names):
            listed = " or ".join(f"`{name}`" for name in names)
            note(problems, f"must define either {listed}", pointer)

    return check
