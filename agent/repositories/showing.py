"""Owns how people see what would be published: whole, or its beginning where a card has no room.

Pure. Our words come first; what the model wrote stands behind them, in quotes.
"""

from agent.repositories.git import GitProblem
from agent.repositories.upstream import Change

SHOWN_CHARACTERS = 400_000
"""What people approve is shown whole; more than this nobody reads."""
CARD_CHARACTERS = 6000
"""A longer text goes into a file beside the card, which then has its beginning."""
MOST_FILES = 12
HEADING_CHARACTERS = 1200
MOST_NAMES = 8
"""Files that a warning names."""


def document(change: Change, words: str) -> str:
    """What is approved, whole. Raises GitProblem when it is too much to be read."""
    whole = f"{_heading(change, words)}\n\n{change.stat.strip()}\n\n{change.diff}"
    if len(whole) > SHOWN_CHARACTERS:
        raise GitProblem(
            f"The difference has {len(whole):,} characters, more than the {SHOWN_CHARACTERS:,} "
            "that can be shown for approval: publish less at once, without what is generated."
        )
    return whole


def _heading(change: Change, words: str) -> str:
    """Our words first: what the model wrote stands behind them, in quotes, and cannot pass for
    them."""
    about = f"Commit {change.commit[:12]}, exactly as it stands here:"
    return f"{about}\n\n" + "\n".join(f"> {line}" for line in words.splitlines())


def beginning(change: Change, words: str) -> str:
    """The heading and the statistics, shortened: what all of it is, the file beside it shows."""
    heading, stat = _heading(change, words), change.stat.strip().splitlines()
    files, total = stat[:-1], stat[-1:]
    shown = files[:MOST_FILES]
    if len(files) > len(shown):
        shown.append(f" ... {len(files) - len(shown)} more files")
    if len(heading) > HEADING_CHARACTERS:
        heading = f"{heading[:HEADING_CHARACTERS]} ..."
    return "\n".join([heading, "", *(line[:200] for line in shown), *total])


def warning(change: Change) -> str:
    said = []
    if change.workflows:
        said.append(f"It changes what GitHub runs by itself: {_listed(change.workflows)}.")
    if change.passing:
        said.append(
            "Its commits also hold files that the difference does not show, because a later commit "
            f"takes them back: {_listed(change.passing)}."
        )
    return " ".join(said)


def _listed(names: tuple[str, ...]) -> str:
    shown = ["".join(c if c.isalnum() or c in "./_-+" else "?" for c in n) for n in names]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(f"`{name[:100]}`" for name in shown[:MOST_NAMES]) + more
