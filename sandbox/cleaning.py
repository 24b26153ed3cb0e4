"""Owns what a caller may hide of what a sandbox says, before it is journaled."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from sandbox.errors import FileProblem

T = TypeVar("T", bound=BaseModel)

Clean = Callable[[str], str]
"""Gives back a text without what must not be seen, `HIDDEN` in its place."""
HIDDEN = "[secret]"


def cleaned(model: T, clean: Clean) -> T:
    """`model` with every text in it cleaned."""
    before = model.model_dump()
    after = _walk(before, clean)
    return model if after == before else type(model).model_validate(after)


def refuse_hidden(path: str, data: bytes) -> None:
    """Whoever saw a text cleaned must not write it back: the real value would be lost.

    Raises FileProblem.
    """
    if HIDDEN.encode() in data:
        raise FileProblem(
            f"{path} was not written: {HIDDEN} in it stands for a value that is not shown. "
            "Leave such lines as they are, or change the others with a command such as sed."
        )


def _walk(value: Any, clean: Clean) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_walk(item, clean) for item in value]
    if isinstance(value, dict):
        return {key: _walk(item, clean) for key, item in value.items()}
    return value
