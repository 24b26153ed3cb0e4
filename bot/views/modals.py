"""Owns the modals that only tell something: that we are looking, or what came of a request."""

from bot.views import blocks
from bot.views.blocks import Block, Rendered

LOOKING = "One moment, I am looking that up."


def notice(text: str, title: str = "Threadwright") -> Block:
    """`text` is escaped mrkdwn within `SECTION_CHARS`."""
    return frame(title, [blocks.section(text)], close="Close")


def telling(message: Rendered) -> Block:
    """A message, which has no bound on its text, as a modal."""
    return frame("Threadwright", message.blocks or [blocks.section(message.text)], close="Close")


def frame(title: str, parts: list[Block], close: str) -> Block:
    """A modal with nothing to submit."""
    return {"type": "modal", "title": plain(title), "close": plain(close), "blocks": parts}


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
