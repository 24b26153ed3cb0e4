"""What was asked for, cut into points that can be checked one by one."""

import re
from dataclasses import dataclass

REQUEST = {request!r}

_BREAKS = re.compile(r"\s*(?:[.;\n]|,\s*(?:and\s+)?|\s+(?:and|with|plus)\s+)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Point:
    number: int
    text: str


def points(request: str) -> list[Point]:
    """The parts of a request, in order and without repeats."""
    parts = [part.strip(" .!?") for part in _BREAKS.split(request)]
    unique = dict.fromkeys(part for part in parts if part)
    return [Point(number, text) for number, text in enumerate(unique, 1)]
