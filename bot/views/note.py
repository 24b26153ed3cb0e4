"""Owns the look of a plain message of ours."""

from agent.protocol import NoteBody
from bot.views import blocks, mrkdwn
from bot.views.blocks import Rendered


def render(body: NoteBody) -> Rendered:
    text = mrkdwn.from_markdown(body.text, blocks.SECTION_CHARS) or "(nothing to say)"
    return Rendered(text=text, blocks=[blocks.section(text)])
