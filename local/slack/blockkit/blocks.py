"""Owns Block Kit's blocks: which exist, on which surface, their limits, rules over a whole list.

`call`, `auth_provider` and `data_table` are left out: nothing here uses them, so they are refused.
"""

from typing import Any, Literal

from local.slack.blockkit import elements, ids, objects
from local.slack.blockkit.checks import (
    Check,
    Problems,
    Shape,
    anything,
    array,
    boolean,
    choice,
    note,
    one_of_fields,
    shape,
    tagged,
    text,
    url,
)
from local.slack.blockkit.rich_text import RICH_TEXT

Surface = Literal["message", "modal", "home"]

MAX_BLOCKS: dict[Surface, int] = {"message": 50, "modal": 100, "home": 100}

MAX_TEXT = 13_200
"""All text of one message's blocks together. Measured, not documented: `msg_blocks_too_long`."""


def _block(fields: dict[str, Check], required: tuple[str, ...] = (), *rules: Check) -> Shape:
    return shape({**fields, "block_id": text(255)}, required, rules)


def _no_remote_files(_value: object, pointer: str, problems: Problems) -> None:
    """A file block shows a remote file, and nobody can add one: `files.remote.*` is not offered."""
    note(problems, "file not found", f"{pointer}/external_id")


_TASK_CARD = _block(
    {
        "task_id": text(255),
        "title": text(3000),
        "details": tagged({"rich_text": RICH_TEXT}),
        "output": tagged({"rich_text": RICH_TEXT}),
        "sources": array(elements.URL_SOURCE, 50),
        "status": choice("pending", "in_progress", "complete", "error"),
    },
    ("task_id", "title", "status"),
)

_CARD = _block(
    {
        "hero_image": tagged({"image": objects.IMAGE_ELEMENT}),
        "icon": tagged({"image": objects.IMAGE_ELEMENT}),
        "title": objects.any_text(150),
        "subtitle": objects.any_text(150),
        "body": objects.any_text(200),
        "actions": array(elements.IN_CARD, 5),
    },
    (),
    one_of_fields("hero_image", "title", "actions", "body"),
)

_EVERYWHERE = {
    "section": _block(
        {
            "text": objects.any_text(3000),
            "fields": array(objects.any_text(2000), 10),
            "accessory": elements.IN_SECTION,
            "expand": boolean,
        },
        (),
        one_of_fields("text", "fields"),
    ),
    "header": _block({"text": objects.plain_text(150)}, ("text",)),
    "divider": _block({}),
    "image": _block(
        {
            "image_url": url(),
            "slack_file": Shape({"id": text(255), "url": url()}),
            "alt_text": text(2000),
            "title": objects.plain_text(2000),
        },
        ("alt_text",),
        one_of_fields("image_url", "slack_file"),
    ),
    "context": _block({"elements": array(elements.IN_CONTEXT, 10)}, ("elements",)),
    "actions": _block({"elements": array(elements.IN_ACTIONS, 25)}, ("elements",)),
    "input": _block(
        {
            "label": objects.plain_text(2000),
            "element": elements.IN_INPUT,
            "hint": objects.plain_text(2000),
            "optional": boolean,
            "dispatch_action": boolean,
        },
        ("label", "element"),
    ),
    "rich_text": RICH_TEXT,
    "video": _block(
        {
            "title": objects.plain_text(200),
            "title_url": url(),
            "video_url": url(),
            "thumbnail_url": url(),
            "alt_text": text(2000),
            "description": objects.plain_text(200),
            "author_name": text(50),
            "provider_name": text(50),
            "provider_icon_url": url(),
        },
        ("title", "video_url", "thumbnail_url", "alt_text"),
    ),
    "alert": _block(
        {
            "text": objects.any_text(3000),
            "level": choice("default", "info", "warning", "error", "success"),
        },
        ("text",),
    ),
    "card": _CARD,
}

_MESSAGE_ONLY = {
    "markdown": _block({"text": text(12_000)}, ("text",)),
    "file": _block(
        {"external_id": text(255), "source": choice("remote")},
        ("external_id", "source"),
        _no_remote_files,
    ),
    "context_actions": _block({"elements": array(elements.IN_CONTEXT_ACTIONS, 5)}, ("elements",)),
    "task_card": _TASK_CARD,
    "plan": _block(
        {
            "plan_id": text(255),
            "title": text(3000),
            "tasks": array(tagged({"task_card": _TASK_CARD}), 50),
        },
        ("title",),
    ),
    "table": _block(
        {
            "rows": array(array(elements.TABLE_CELL, 20), 100),
            "column_settings": array(anything, 20),
        },
        ("rows",),
    ),
    "carousel": _block({"elements": array(tagged({"card": _CARD}), 10)}, ("elements",)),
}

_IN_CONTAINER = tagged({**_EVERYWHERE, **_MESSAGE_ONLY})
_MESSAGE_ONLY["container"] = _block(
    {
        "title": objects.plain_text(150),
        "rich_text_title": tagged({"rich_text": RICH_TEXT}),
        "subtitle": objects.any_text(150),
        "child_blocks": array(_IN_CONTAINER, 10),
        "width": choice("narrow", "standard", "wide", "full"),
        "icon": tagged({"image": objects.IMAGE_ELEMENT}),
        "is_collapsible": boolean,
        "default_collapsed": boolean,
        "has_header_divider": boolean,
    },
    ("child_blocks",),
    one_of_fields("title", "rich_text_title"),
)

_BLOCK: dict[Surface, Check] = {
    "message": tagged({**_EVERYWHERE, **_MESSAGE_ONLY}),
    "modal": tagged(_EVERYWHERE),
    "home": tagged(_EVERYWHERE),
}


def check_blocks(blocks: object, surface: Surface, pointer: str = "/blocks") -> Problems:
    """What Slack would say against these blocks; an empty list means they are fine."""
    problems: Problems = []
    minimum = 1 if surface == "modal" else 0
    array(_BLOCK[surface], MAX_BLOCKS[surface], minimum)(blocks, pointer, problems)
    if not problems and isinstance(blocks, list):
        _check_ids(blocks, pointer, problems)
        _check_plans(blocks, pointer, problems)
    return problems


def text_length(value: object) -> int:
    """Characters a reader sees in these blocks."""
    if isinstance(value, list):
        return sum(text_length(one) for one in value)
    if isinstance(value, dict):
        own = sum(len(v) for k, v in value.items() if k in ("text", "title") and isinstance(v, str))
        return own + sum(text_length(one) for one in value.values() if not isinstance(one, str))
    return 0


def _check_ids(blocks: list[dict[str, Any]], pointer: str, problems: Problems) -> None:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id is not None and block_id in seen:
            note(problems, f"block_id `{block_id}` already exists", f"{pointer}/{index}/block_id")
        seen.add(str(block_id))
        actions = [e.action_id for e in ids.interactive_elements([block]) if e.action_id]
        for repeated in sorted({one for one in actions if actions.count(one) > 1}):
            note(problems, f"`action_id` {repeated} already exists", f"{pointer}/{index}/elements")


def _check_plans(blocks: list[dict[str, Any]], pointer: str, problems: Problems) -> None:
    kinds = {block["type"] for block in blocks}
    if {"plan", "task_card"} <= kinds:
        note(problems, "a plan and a task_card cannot share one message", pointer)
