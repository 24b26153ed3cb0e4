"""Owns what Slack accepts as a view: a modal or the app's home."""

from typing import Any

from local.slack.blockkit import objects
from local.slack.blockkit.blocks import check_blocks
from local.slack.blockkit.checks import (
    Check,
    Problems,
    anything,
    boolean,
    note,
    shape,
    tagged,
    text,
)

_COMMON: dict[str, Check] = {
    "blocks": anything,  # looked at by check_blocks, which knows the surface
    "private_metadata": text(3000, minimum=0),
    "callback_id": text(255, minimum=0),
    "external_id": text(255, minimum=0),
}

_VIEW = tagged(
    {
        "modal": shape(
            {
                **_COMMON,
                "title": objects.plain_text(24),
                "submit": objects.plain_text(24),
                "close": objects.plain_text(24),
                "clear_on_close": boolean,
                "notify_on_close": boolean,
                "submit_disabled": boolean,
            },
            ("title", "blocks"),
        ),
        "home": shape(_COMMON, ("blocks",)),
    }
)


def check_view(view: object) -> Problems:
    """What Slack would say against this view; an empty list means it is fine."""
    problems: Problems = []
    _VIEW(view, "/view", problems)
    if isinstance(view, dict) and view.get("type") in ("modal", "home") and "blocks" in view:
        problems += check_blocks(view["blocks"], view["type"], "/view/blocks")
        _check_submit(view, problems)
        _check_focus(view["blocks"], problems)
    return problems


def _check_focus(blocks: object, problems: Problems) -> None:
    elements = (
        block["element"]
        for block in (blocks if isinstance(blocks, list) else [])
        if isinstance(block, dict) and isinstance(block.get("element"), dict)
    )
    if sum(element.get("focus_on_load") is True for element in elements) > 1:
        note(problems, "only one element can have focus_on_load", "/view/blocks")


def _check_submit(view: dict[str, Any], problems: Problems) -> None:
    if view["type"] != "modal" or "submit" in view or not isinstance(view["blocks"], list):
        return
    if any(isinstance(block, dict) and block.get("type") == "input" for block in view["blocks"]):
        note(problems, "missing required field: submit", "/view")
