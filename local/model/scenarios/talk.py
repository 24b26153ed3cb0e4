"""Questions and greetings: an answer, and no work."""

import re

from local.model.conversation import Row
from local.model.script import MARK

_ASKS = re.compile(
    r"^\W*(?:what|who|how|why|when|where|which|do|does|are|is|can|could)\b", re.IGNORECASE
)
_GREETS = re.compile(r"^\W*(?:hi|hello|hey|thanks|thank you|good (?:morning|day))\b", re.IGNORECASE)
_WORK = re.compile(
    r"\b(?:build|make|write|create|add|fix|repair|push|publish|release|clean|use|change|rename"
    r"|remove|refactor|implement|test)\b",
    re.IGNORECASE,
)

ANSWER = (
    "I turn a request in this thread into a plan, carry it out in the thread's own sandbox, and "
    "hand over the project. Write again at any time and I re-plan; risky commands wait for your "
    "approval. You are talking to a scripted demo model: the commands are real, the answers are "
    "prepared. Try *build a to-do CLI with tests* (or *plan first: …*), *build a game*, *fix the "
    "failing test*, *repo: acme/hello — fix the failing test and open a pull request*, *show me "
    "the page you built*, *publish a release* or *deploy it to the moon*. (scripted demo model)"
)

_PROGRESS = re.compile(
    r"\bhow (?:far|long|much)|\bprogress|\bstatus|\bready|\bwhen\b", re.IGNORECASE
)


def progress(rows: list[Row], text: str) -> str:
    """The answer to a question in the middle of the work."""
    if not _PROGRESS.search(text):
        return ANSWER
    alive = [row for row in rows if row.status != "dropped"]
    ahead = [row.title for row in alive if row.status != "complete"]
    following = f" Next: {ahead[0]}." if ahead else ""
    return f"{len(alive) - len(ahead)} of {len(alive)} steps are done.{following} {MARK}"


def wanted(text: str) -> bool:
    asks = bool(_ASKS.search(text)) and text.rstrip().endswith("?")
    return (asks or bool(_GREETS.search(text))) and not _WORK.search(text)
