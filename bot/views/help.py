"""Owns what we say about ourselves: the help text and the polite refusals."""

from collections.abc import Sequence
from difflib import get_close_matches

from bot import names
from bot.views import blocks, mrkdwn
from bot.views.blocks import Rendered

TEXT = f"""\
**I build and change code, each thread in a sandbox of its own.**
- Mention me with what you want, or write to me directly; attach files and I work with them. \
I show a plan and tick it off.
- Begin with `plan first` and I wait for your yes to the plan. Where a wrong guess would cost \
much, I ask.
- Name a repository (`repo: owner/name`) and I work on a copy of it. I open a pull request once \
somebody has approved the change.
- Ask me to show a page that I built: you get a link that works for a while.
- Reply in the thread at any time: I stop, take it in, and go on from there. Days later too.
- Before something risky, and when a budget is used up, I ask. Whoever asked for the work may \
answer, and the approvers named in App Home; the card says who.
- Say `status`, `stop`, `download` or `sessions` in the thread. Elsewhere: \
`{names.COMMAND} status` and so on, or the menu (⋯) of a message.
- `{names.COMMAND} config` sets model, caution, plans and budget: for you in App Home and in a \
direct message, for everyone of a channel there.
- A reply that starts with `aside:` (or the mark your operators chose), or with a mention of \
somebody else, is for others: I do not act on it."""

OUTSIDER = (
    "I work for members of this workspace only, so I cannot take instructions from guests or "
    "from people of other companies. Please ask a member to write to me."
)
NO_SESSION = (
    f"There is nothing of mine in this thread yet. Say `download`, `status` or `stop` in a thread "
    f"where I have worked, or use `{names.COMMAND} download` to choose one."
)


def message() -> Rendered:
    text = mrkdwn.from_markdown(TEXT, blocks.SECTION_CHARS)
    return Rendered(text=text, blocks=[blocks.section(text)])


def unknown(typed: str, known: Sequence[str]) -> Rendered:
    """What to write instead of the word that `typed` begins with, and where to read more."""
    word = typed.split(maxsplit=1)[0]
    near = get_close_matches(word.casefold(), known, n=2)
    quoted = [f"`{one}`" for one in near or known]
    instead = f"I know {', '.join(quoted[:-1])} and {quoted[-1]}."
    if near:
        instead = f"did you mean {' or '.join(quoted)}?"
    more = f"`{names.COMMAND} help` says what each does; to give me work, mention me in a message."
    return Rendered(text=f"I do not know “{mrkdwn.escape(word, 60)}”: {instead} {more}")
