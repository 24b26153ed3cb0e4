"""Owns the look of a plain message of ours."""

from agent.protocol import NoteBody
from bot.views import blocks, mrkdwn
from bot.views.blocks import Rendered

MOST_MENTIONS = 20


def render(body: NoteBody) -> Rendered:
    called = ", ".join(map(mrkdwn.mention, body.mentions[:MOST_MENTIONS]))
    room = blocks.SECTION_CHARS - len(called) - 2
    text = mrkdwn.from_markdown(body.text, room) or "(nothing to say)"
    text = f"{called}: {text}" if called else text
    return Rendered(text=text, blocks=[blocks.section(text)])
