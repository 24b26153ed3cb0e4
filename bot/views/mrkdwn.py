"""Owns text on its way into Slack: escaping, links, limits.

Whatever a model, a tool or a person wrote may hold `<!channel>`, `<@U…>` or a disguised link. Here
only http(s) links survive, and only under a label that is not itself an address.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

ELLIPSIS = "…"
LINE_CHARS = 5000
"""No more of a text is looked at for one line."""

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_URL = r"https?://[^\s<>|)\]\"'`]+"
_TOKEN = re.compile(
    rf"(?P<fence>```.*?```)|(?P<code>`[^`\n]+`)"
    rf"|\[(?P<label>[^\]\n]{{1,300}})\]\((?P<url>{_URL})\)"
    rf"|<(?P<slack_url>{_URL})(?:\|(?P<slack_label>[^>\n]+))?>"
    r"|\*\*(?P<bold>[^*\n]+)\*\*"
    r"|(?P<heading>(?:^|(?<=\n))\#{1,6}[ ]+[^\n]+)"
    r"|(?P<bullet>(?:^|(?<=\n))[ ]*[-*][ ]+)",
    re.DOTALL,
)
_MARKDOWN_LINK = re.compile(rf"\[(?P<label>[^\]\n]*)\]\((?P<url>{_URL})\)")
_LOOKS_LIKE_ADDRESS = re.compile(r"://|^\s*www\.|\b[\w-]+\.[a-z]{2,}\b", re.IGNORECASE)
_USER_ID = re.compile(r"[UW][A-Z0-9]+")
_FENCE, _CLOSING = "```", "\n```"
_UNSEEN = dict.fromkeys(
    [
        *(code for code in range(32) if chr(code) not in "\t\n"),
        *range(0x7F, 0xA0),
        *(0xAD, 0x200B, 0x200E, 0x200F, 0xFEFF),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x206A),
    ]
)
"""Controls, marks that turn the direction of reading, and what has no width; joiners of emoji and
scripts stay."""
_GROUP_ID = re.compile(r"S[A-Z0-9]+")


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, for fields that Slack does not parse."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + ELLIPSIS


def one_line(text: str) -> str:
    """Without what only hides or reorders, and opening no block of code."""
    return " ".join(text[:LINE_CHARS].translate(_UNSEEN).split()).replace(_FENCE, "'''")


def escape(text: str, limit: int | None = None) -> str:
    """Text that shows as it is. `limit` counts the escaped length; an entity is never cut."""
    return _fill(_escaped(text), limit)


def visible(text: str) -> str:
    """Spell out characters that hide or reorder what is read: controls, bidi marks, odd spaces."""
    return "".join(char if _is_plain(char) else f"\\u{ord(char):04x}" for char in text)


def code(text: str, limit: int) -> str:
    """Inline code on one line, whatever is in it."""
    inner = escape(one_line(visible(text[:LINE_CHARS])).replace("`", "'"), limit - 2)
    return f"`{inner}`" if inner else ""


def mention(id_: str) -> str:
    """A mention that we want, of a person or a user group; anything else is shown as text."""
    if _GROUP_ID.fullmatch(id_):
        return f"<!subteam^{id_}>"
    return f"<@{id_}>" if _USER_ID.fullmatch(id_) else escape(one_line(id_), 80)


def name(user_id: str, display_name: str) -> str:
    """The display name, quietly; a mention only when the name is unknown."""
    return escape(one_line(display_name), 80) or mention(user_id)


def date(unix_seconds: float, form: str = "{date_short_pretty} at {time}") -> str:
    """A moment in the reader's own time zone."""
    fallback = datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(unix_seconds)}^{form}|{fallback}>"


def from_markdown(text: str, limit: int) -> str:
    """Text of a model: its Markdown as far as Slack has it, everything else as it stands. A block
    of code that is cut, or was never closed, is closed."""
    text = text.translate(_UNSEEN).strip()
    shown = _fill(_pieces(text), limit)
    if shown.count(_FENCE) % 2 == 0:
        return shown
    shown = _fill(_pieces(text), limit - len(_CLOSING))
    return shown + _CLOSING if shown.count(_FENCE) % 2 else shown


def as_markdown(text: str, limit: int) -> str:
    """The same text for a field that takes Markdown itself: nothing in it is a mention, and a link
    whose label is another address is shown as its address."""
    out: list[str] = []
    position = 0
    for match in _MARKDOWN_LINK.finditer(text := text.strip()):
        out.extend(_escaped(text[position : match.start()]))
        honest = not _LOOKS_LIKE_ADDRESS.search(match["label"])
        label, url = escape(match["label"]), escape(match["url"])
        out.append(f"[{label}]({url})" if honest else url)
        position = match.end()
    out.extend(_escaped(text[position:]))
    return _fill(iter(out), limit)


def _is_plain(char: str) -> bool:
    return char in "\n\t " or (char.isprintable() and char != "\u3164")


def _fill(pieces: Iterator[str], limit: int | None) -> str:
    """Join whole pieces while they fit, so no entity and no link is ever cut in two."""
    out: list[str] = []
    length = 0
    for piece in pieces:
        if limit is not None and length + len(piece) > limit:
            while out and length + len(ELLIPSIS) > limit:
                length -= len(out.pop())
            return "".join(out).rstrip() + ELLIPSIS
        out.append(piece)
        length += len(piece)
    return "".join(out)


def _escaped(text: str) -> Iterator[str]:
    return (_ESCAPES.get(char, char) for char in text)


def _pieces(text: str) -> Iterator[str]:
    position = 0
    for match in _TOKEN.finditer(text):
        yield from _escaped(text[position : match.start()])
        position = match.end()
        kind = str(match.lastgroup)
        yield from _RENDER.get(kind, _render_link)(match)
    yield from _escaped(text[position:])


def _render_code(match: "re.Match[str]") -> Iterator[str]:
    return _escaped(match[0])


def _render_bold(match: "re.Match[str]") -> Iterator[str]:
    yield f"*{escape(match['bold'].strip())}*"


def _render_heading(match: "re.Match[str]") -> Iterator[str]:
    words = match["heading"].lstrip("# ").replace("*", "").strip()
    yield f"*{escape(words)}*" if words else ""


def _render_bullet(match: "re.Match[str]") -> Iterator[str]:
    indent = len(match["bullet"]) - len(match["bullet"].lstrip(" "))
    yield " " * indent + "• "


def _render_link(match: "re.Match[str]") -> Iterator[str]:
    url = match["url"] or match["slack_url"]
    label = honest_label(match["label"] or match["slack_label"] or "").replace("|", "/")
    yield f"<{escape(url)}|{escape(label)}>" if label else f"<{escape(url)}>"


def link(label: str, url: str) -> str:
    """A link that we make; empty when `url` is no web address."""
    if re.fullmatch(_URL, url) is None:
        return ""
    shown = escape(honest_label(label).replace("|", "/"), 200)
    return f"<{escape(url)}|{shown}>" if shown else f"<{escape(url)}>"


def honest_label(label: str) -> str:
    """The label of a link as it is shown; empty when it passes itself off as another address."""
    shown = unicodedata.normalize("NFKC", one_line(label))  # a dot of another width is a dot
    return "" if _LOOKS_LIKE_ADDRESS.search(shown) else shown


_RENDER: dict[str, Callable[["re.Match[str]"], Iterator[str]]] = {
    "fence": _render_code,
    "code": _render_code,
    "bold": _render_bold,
    "heading": _render_heading,
    "bullet": _render_bullet,
}
