"""Owns what we say about ourselves: the help text and the polite refusals."""

from bot import names
from bot.views import blocks, mrkdwn
from bot.views.blocks import Block, Rendered

TEXT = f"""\
**I build and change code, in this thread, in a sandbox of its own.**
- Mention me with what you want, or write to me directly; attach files and I work with them. \
I show a plan and tick it off.
- Begin with `plan first` and I wait for your yes to the plan. Where a wrong guess would be \
dear, I ask.
- Name a repository (`repo: owner/name`) and I work on a copy of it. I open a pull request once \
somebody has approved the change.
- Ask me to show a page that I built: you get a link that works for a while.
- Reply in the thread at any time: I stop, take it in, and go on from there. Days later too.
- Before something risky, and when a budget is used up, I ask. Whoever asked for the work may \
answer, and the approvers named in App Home; the card says who.
- Say `status`, `stop`, `download` or `sessions` in the thread. Elsewhere: \
`{names.COMMAND} status` and so on, or the menu of a message.
- `{names.COMMAND} config` sets model, caution, plans and budget: for you in App Home and in a \
direct message, for everyone of a channel there.
- A reply that starts with `//` (or the mark your operators chose), or with a mention of somebody \
else, is an aside that I do not read."""

OUTSIDER = (
    "I work for members of this workspace only, so I cannot take instructions from guests or "
    "from people of other companies. Please ask a member to write to me."
)
NO_SESSION = (
    f"There is nothing of mine in this thread yet. Say `download`, `status` or `stop` in a thread "
    f"where I have worked, or use `{names.COMMAND} download` to choose one."
)


def message(problem: str = "") -> Rendered:
    """The help text, after one sentence about what was not understood."""
    text = mrkdwn.from_markdown(TEXT, blocks.SECTION_CHARS)
    said = mrkdwn.escape(problem, 500)
    parts: list[Block] = [blocks.section(said)] if said else []
    return Rendered(text=said or text, blocks=[*parts, blocks.section(text)])
