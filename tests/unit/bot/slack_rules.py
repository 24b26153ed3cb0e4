"""Slack's rules for a message, as the local workspace applies them, and ours against injection."""

import re
from collections.abc import Iterator
from typing import Any

from bot.views.blocks import Rendered
from local.slack.blockkit import check_blocks
from local.slack.blockkit.blocks import MAX_TEXT, text_length

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
"""Characters that nobody sees and that change what is read."""
GROUP = re.compile(r"<!subteam\^S[A-Z0-9]+>")
MOST_TEXT = 13_000
PERMALINK = r"https://[\w-]+\.slack\.com/archives/"
"""Of Slack's own; titles of sessions link to their threads."""
ALLOWED = re.compile(
    r"<(https?://[^|<>\s]+(\|[^<>]*)?|!date\^\d+\^[^|<>]*\|[^<>]*|@[UW][A-Z0-9]+|#[CGD]\w+)>"
)


def parsed_texts(node: Any) -> Iterator[str]:
    """Every string that Slack would parse for mentions and links."""
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn":
            yield node["text"]
        for value in node.values():
            yield from parsed_texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from parsed_texts(value)


def seen_texts(node: Any) -> Iterator[str]:
    """Every string that people see, parsed or not."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name in ("text", "title") and isinstance(value, str):
                yield value
            elif name != "value":
                yield from seen_texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from seen_texts(value)


def assert_harmless(text: str, groups: bool = False) -> None:
    """`groups`: user groups may be called."""
    rest = ALLOWED.sub("", GROUP.sub("", text) if groups else text)
    assert "<" not in rest
    assert ">" not in rest
    for label in re.findall(rf"<(?!{PERMALINK})https?://[^|<>]+\|([^<>]*)>", text):
        assert not re.search(r"://|\w\.[a-z]{2,}\b", label)
    assert text.count("```") % 2 == 0, text[:200]


def assert_presentable(message: Rendered, groups: bool = False) -> None:
    """Within Slack's limits by the same rules the local workspace applies, and nothing injected."""
    assert message.text.strip()
    assert len(message.text) <= 4000
    assert len(message.blocks) <= 50
    assert check_blocks(message.blocks, "message") == []
    assert text_length(message.blocks) <= min(MAX_TEXT, MOST_TEXT)
    for text in (message.text, *parsed_texts(message.blocks)):
        assert_harmless(text, groups)
    for text in (message.text, *seen_texts(message.blocks)):
        assert not HIDDEN.search(text), text[:200]
