"""Owns what we say about ourselves: the help text, the App Home, and the polite refusals."""

from collections.abc import Sequence

from agent.protocol import SessionCard
from bot import names
from bot.views import blocks, mrkdwn, status
from bot.views.blocks import Block, Rendered

TEXT = f"""\
**I build and change code, in this thread, in a sandbox of its own.**
- Mention me with what you want, or write to me directly. I show a plan and tick it off.
- Reply in the thread at any time: I stop, take it in, and go on from there. Days later too.
- Before something risky I ask; the card says who may answer.
- Say `status`, `stop` or `download` in the thread. Elsewhere: `{names.COMMAND} download`, \
`{names.COMMAND} status`, `{names.COMMAND} stop`.
- A reply that starts with a mention of somebody else is not for me."""

OUTSIDER = (
    "I work for members of this workspace only, so I cannot take instructions from guests or "
    "from people of other companies. Please ask a member to write to me."
)
NO_SESSION = (
    f"There is nothing of mine in this thread yet. Say `download`, `status` or `stop` in a thread "
    f"where I have worked, or use `{names.COMMAND} download` to choose one."
)
ATTACHMENT_ONLY = "I cannot read attached files yet. Tell me in words what you would like."


def message(problem: str = "") -> Rendered:
    """The help text, after one sentence about what was not understood."""
    text = mrkdwn.from_markdown(TEXT, blocks.SECTION_CHARS)
    parts: list[Block] = [blocks.section(mrkdwn.escape(problem, 500))] if problem else []
    return Rendered(text=problem or text, blocks=[*parts, blocks.section(text)])


def home(cards: Sequence[SessionCard], now: float) -> Block:
    """The App Home of one person."""
    parts: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": "Threadwright"}},
        blocks.section(mrkdwn.from_markdown(TEXT, blocks.SECTION_CHARS)),
        {"type": "divider"},
        blocks.section("*Your sessions*"),
        blocks.section(status.listed(cards, now)),
    ]
    return {"type": "home", "blocks": parts}
