"""Owns the look of the final message of a task: what came out, first; then how to go on."""

from agent.protocol import Outcome, ResultBody
from bot import names
from bot.views import blocks, mrkdwn, words
from bot.views.blocks import Block, Rendered

SUMMARY_CHARS = 2800
LIST_CHARS = 900
ASKED_CHARS = 120
MOST_ASKED = 5

_HEADS: dict[Outcome, str] = {
    "done": "Done",
    "answered": "",
    "blocked": "Blocked",
    "failed": "Not finished",
    "stopped": "",
}


def render(body: ResultBody, thread_key: str, plain: bool = False) -> Rendered:
    """`plain` leaves out what an older workspace may refuse."""
    summary = mrkdwn.from_markdown(body.summary, SUMMARY_CHARS)
    head = _HEADS[body.outcome]
    first = f"*{head}.* {summary}".strip() if head else summary
    parts: list[Block] = [blocks.section(first or "*Done.*")]
    if body.files:
        parts.append(blocks.section(f"*Files*\n{_files(body.files)}"))
    if body.checks:
        parts.append(blocks.section(f"*Checks*\n{blocks.bullets(body.checks, LIST_CHARS)}"))
    if opened := [shown for one in body.links if (shown := mrkdwn.link(one.label, one.url))]:
        parts.append(blocks.section(_lines("*To open*", opened)))
    if body.downloadable:
        download = blocks.button("Download project", names.DOWNLOAD, thread_key, "primary")
        parts.append(blocks.actions(download))
    hint = mrkdwn.from_markdown(body.continue_hint, 300)
    footer = [line for line in (hint, _footer(body)) if line]
    if asked := _asked(body):
        parts.append(blocks.context(asked))
    if footer:
        parts.append(blocks.context(*footer))
    if not plain:
        parts.append(_feedback(body.task))
    return Rendered(text=_fallback(head, summary), blocks=parts)


def _lines(head: str, items: list[str]) -> str:
    """Items as a list; those that do not fit are counted."""
    lines, used = [head], len(head)
    for index, item in enumerate(items):
        used += len(item) + 3
        if used > LIST_CHARS - 20:
            return "\n".join([*lines, f"• and {len(items) - index} more"])
        lines.append(f"• {item}")
    return "\n".join(lines)


def _files(files: list[str]) -> str:
    """Names as inline code on one line; the rest as a count."""
    shown: list[str] = []
    used = 0
    for path in files:
        item = mrkdwn.code(path, 120)
        if used + len(item) + 2 > LIST_CHARS:
            break
        shown.append(item)
        used += len(item) + 2
    rest = len(files) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _asked(body: ResultBody) -> str:
    """Who asked what: one line each, the first and the newest when there are many. A plain answer
    stands right below its question."""
    if body.outcome == "answered" and len(body.asked) == 1:
        return ""
    lines = [f"{words.names([one.by])}: {_instruction(one.text)}" for one in body.asked]
    if len(lines) == 1:
        return f"Asked by {lines[0]}"
    if len(lines) > MOST_ASKED:
        hidden = len(lines) - MOST_ASKED + 1
        lines = [lines[0], f"and {hidden} more", *lines[2 - MOST_ASKED :]]
    return "\n".join(["Asked:", *(f"• {line}" for line in lines)]) if lines else ""


def _instruction(text: str) -> str:
    return mrkdwn.escape(mrkdwn.one_line(text), ASKED_CHARS) or "(files)"


def _footer(body: ResultBody) -> str:
    parts = []
    if body.asked_by and not body.asked:  # of an older release
        parts.append(f"Asked by {words.names(body.asked_by)}")
    if body.seconds > 0:
        parts.append(words.duration(body.seconds))
    if body.usage.input or body.usage.output:
        parts.extend([words.tokens(body.usage), words.cost(body.usage)])
    if body.model:
        parts.append(mrkdwn.escape(mrkdwn.one_line(body.model), 60))
    return " · ".join(parts)


def _feedback(task: str) -> Block:
    def choice(text: str, verdict: str, label: str) -> Block:
        return {
            "text": {"type": "plain_text", "text": text},
            "accessibility_label": label,
            "value": f"{verdict}:{task}",
        }

    element: Block = {
        "type": "feedback_buttons",
        "action_id": names.FEEDBACK,
        "positive_button": choice("Good", "good", "This result is good"),
        "negative_button": choice("Bad", "bad", "This result is not good"),
    }
    return {"type": "context_actions", "elements": [element]}


def _fallback(head: str, summary: str) -> str:
    return (f"{head}. {summary}" if head else summary).strip() or "Done."


def head(outcome: Outcome) -> str:
    """The words the message begins with; empty where the summary needs none."""
    return _HEADS[outcome]
