"""Owns the files that scenarios write: real projects under `projects/`, kept whole.

A line may end in `#: name` or `#: not name`: it belongs to the project only with (without) that
feature. So one file holds every variant, and each variant is a plain, complete file.
"""

import re
from collections.abc import Collection
from functools import cache
from importlib.resources import files

_TAG = re.compile(r"  #: (not )?(\w+)$")


@cache
def source(project: str, path: str, features: frozenset[str] = frozenset()) -> str:
    """The text of one file of a project, as it is with these features."""
    text = files("local.model").joinpath("projects", project, path).read_text("utf-8")
    return "".join(_with(line, features) for line in text.splitlines(keepends=True))


def _with(line: str, features: Collection[str]) -> str:
    tag = _TAG.search(line.rstrip("\n"))
    if tag is None:
        return line
    wanted = (tag.group(2) in features) != bool(tag.group(1))
    return line[: tag.start()] + "\n" if wanted else ""
