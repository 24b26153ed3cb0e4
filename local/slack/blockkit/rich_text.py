"""Owns `rich_text`: the tree of sections, lists, quotes and code of Slack's composer."""

from local.slack.blockkit.checks import (
    Check,
    Shape,
    array,
    boolean,
    choice,
    integer,
    shape,
    tagged,
    text,
    url,
)

_MANY = 10_000

_STYLE = Shape(
    dict.fromkeys(
        (
            "bold",
            "italic",
            "strike",
            "code",
            "underline",
            "highlight",
            "client_highlight",
            "unlink",
        ),
        boolean,
    )
)


def _part(**fields: Check) -> Shape:
    return shape({**fields, "style": _STYLE}, tuple(fields))


_INLINE = {
    "text": _part(text=text(12_000)),
    "link": shape(
        {"url": url(), "text": text(12_000), "unsafe": boolean, "style": _STYLE}, ("url",)
    ),
    "user": _part(user_id=text(255)),
    "usergroup": _part(usergroup_id=text(255)),
    "channel": _part(channel_id=text(255)),
    "team": _part(team_id=text(255)),
    "broadcast": _part(range=choice("here", "channel", "everyone")),
    "color": _part(value=text(255)),
    "emoji": shape(
        {"name": text(255), "unicode": text(255), "skin_tone": integer(1, 6), "style": _STYLE},
        ("name",),
    ),
    "date": shape(
        {
            "timestamp": integer(0, 10**11),
            "format": text(255),
            "url": url(),
            "fallback": text(255),
            "style": _STYLE,
        },
        ("timestamp", "format"),
    ),
}

_PARTS = array(tagged(_INLINE), _MANY, minimum=0)
_SECTION = shape({"elements": _PARTS}, ("elements",))
_CODE = array(tagged({"text": _INLINE["text"], "link": _INLINE["link"]}), _MANY, minimum=0)

_ELEMENTS = array(
    tagged(
        {
            "rich_text_section": _SECTION,
            "rich_text_quote": shape({"elements": _PARTS, "border": integer(0, 1)}, ("elements",)),
            "rich_text_preformatted": shape(
                {"elements": _CODE, "border": integer(0, 1), "language": text(255)}, ("elements",)
            ),
            "rich_text_list": shape(
                {
                    "elements": array(tagged({"rich_text_section": _SECTION}), _MANY),
                    "style": choice("bullet", "ordered"),
                    "indent": integer(0, 8),
                    "offset": integer(0, 10_000),
                    "border": integer(0, 1),
                },
                ("elements", "style"),
            ),
        }
    ),
    _MANY,
)

RICH_TEXT = shape({"elements": _ELEMENTS, "block_id": text(255)}, ("elements",))
"""An empty one is refused by Slack: it must have content."""
