"""Slack's rules for a message, as the local workspace applies them, and ours against injection."""

import re
from collections.abc import Iterator
from typing import Any

from bot.views.blocks import Rendered
from local.slack.blockkit import check_blocks
from local.slack.blockkit.blocks import MAX_TEXT, text_length

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


def assert_harmless(text: str) -> None:
    rest = ALLOWED.sub("", text)
    assert "<" not in rest
    assert "<!channel" not in text


def assert_presentable(message: Rendered) -> None:
    """Within Slack's limits by the same rules the local workspace applies, and nothing injected."""
    assert message.text.strip()
    assert len(message.text) <= 4000
    assert check_blocks(message.blocks, "message") == []
    assert text_length(message.blocks) <= MAX_TEXT
    for text in (message.text, *parsed_texts(message.blocks)):
        assert_harmless(text)
