"""Owns block and action ids: giving them where they are missing, finding an element by them."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.slack.blockkit.elements import INTERACTIVE


@dataclass(frozen=True)
class InteractiveElement:
    """An element with an `action_id`, and the block it stands in."""

    block: dict[str, Any]
    element: dict[str, Any]

    @property
    def block_id(self) -> str:
        return str(self.block.get("block_id", ""))

    @property
    def action_id(self) -> str:
        return str(self.element.get("action_id", ""))


def interactive_elements(blocks: list[dict[str, Any]]) -> Iterator[InteractiveElement]:
    for block in blocks:
        yield from _inside(block, block)


def find_element(
    blocks: list[dict[str, Any]], action_id: str, block_id: str | None = None
) -> InteractiveElement | None:
    for found in interactive_elements(blocks):
        if found.action_id == action_id and block_id in (None, found.block_id):
            return found
    return None


def name_blocks(blocks: list[dict[str, Any]]) -> None:
    """Give every block and interactive element the id it came without, as Slack does."""
    for block in blocks:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        name_blocks(_nested(block))
    for found in interactive_elements(blocks):
        found.element.setdefault("action_id", secrets.token_urlsafe(4))


def _nested(block: dict[str, Any]) -> list[dict[str, Any]]:
    nested = [*block.get("child_blocks", [])]
    if block.get("type") == "carousel":
        nested += block["elements"]
    return nested


def _inside(block: dict[str, Any], value: object) -> Iterator[InteractiveElement]:
    if isinstance(value, list):
        for one in value:
            yield from _inside(block, one)
    elif isinstance(value, dict):
        if value.get("type") in INTERACTIVE:
            yield InteractiveElement(block, value)
            return
        nested = value is not block and "block_id" in value
        for one in value.values():
            yield from _inside(value if nested else block, one)
