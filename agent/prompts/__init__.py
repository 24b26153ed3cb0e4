"""Owns the instructions sent to the model: one template file per role, filled or refused.

Instructions stay byte for byte the same within a role, so that the provider's prompt cache holds.
"""

from functools import cache
from importlib.resources import files
from string import Template


@cache
def load(name: str) -> Template:
    return Template(files(__package__).joinpath(f"{name}.md").read_text("utf-8"))


@cache
def render(name: str, **values: str) -> str:
    """Raises KeyError when the template names a value that is not given."""
    return load(name).substitute(values)
