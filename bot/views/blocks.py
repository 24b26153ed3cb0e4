"""Owns the few Block Kit shapes we use and Slack's limits on them. Knows nothing of our product.

No block carries a `block_id`: on an edit it would have to change, and Slack makes one by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.views import mrkdwn

Block = dict[str, Any]
Style = Literal["primary", "danger"]

SECTION_CHARS = 3000
BUTTON_CHARS = 75
VALUE_CHARS = 2000


@dataclass(frozen=True)
class Rendered:
    """A message. `text` is what notifications and screen readers get, so it stands on its own."""

    text: str
    blocks: list[Block] = field(default_factory=list)


def section(text: str) -> Block:
    """`text` is mrkdwn that is already escaped and within `SECTION_CHARS`."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def context(*texts: str) -> Block:
    """Small grey lines; empty ones are left out."""
    elements = [{"type": "mrkdwn", "text": text} for text in texts if text]
    return {"type": "context", "elements": elements[:10]}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements)}


def button(text: str, action_id: str, value: str, style: Style | None = None) -> Block:
    element: Block = {
        "type": "button",
        "text": {"type": "plain_text", "text": mrkdwn.clip(text, BUTTON_CHARS), "emoji": False},
        "action_id": action_id,
        "value": mrkdwn.clip(value, VALUE_CHARS),
    }
    if style:
        element["style"] = style
    return element


def preformatted(text: str) -> Block:
    """A code block in which Slack parses nothing at all."""
    return _rich_text("rich_text_preformatted", text)


def rich_line(text: str) -> Block:
    """One paragraph in which Slack parses nothing at all."""
    return _rich_text("rich_text_section", text)


def _rich_text(kind: str, text: str) -> Block:
    element = {"type": kind, "elements": [{"type": "text", "text": text or " "}]}
    return {"type": "rich_text", "elements": [element]}


def bullets(lines: Sequence[str], limit: int, line_limit: int = 200) -> str:
    """Escaped `lines` as a list within `limit` characters; what does not fit is counted."""
    shown: list[str] = []
    used = 0
    for index, line in enumerate(lines):
        seen = mrkdwn.visible(line[: mrkdwn.LINE_CHARS])
        item = f"• {mrkdwn.escape(mrkdwn.one_line(seen), line_limit)}"
        if used + len(item) + 1 > limit - 20:
            shown.append(f"• and {len(lines) - index} more")
            break
        shown.append(item)
        used += len(item) + 1
    return "\n".join(shown)
