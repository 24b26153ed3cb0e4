"""Owns Block Kit's composition objects: text, options, confirmation dialogs, files and images."""

from local.slack.blockkit.checks import (
    Check,
    Shape,
    array,
    boolean,
    choice,
    one_of_fields,
    shape,
    tagged,
    text,
    url,
)


def plain_text(maximum: int) -> Check:
    return tagged({"plain_text": _plain(maximum)})


def any_text(maximum: int) -> Check:
    return tagged(
        {
            "plain_text": _plain(maximum),
            "mrkdwn": shape({"text": text(maximum), "verbatim": boolean}, ("text",)),
        }
    )


def _plain(maximum: int) -> Shape:
    return shape({"text": text(maximum), "emoji": boolean}, ("text",))


_OPTION: dict[str, Check] = {
    "text": plain_text(75),
    "value": text(150),
    "description": plain_text(75),
}
OPTION = Shape(_OPTION, ("text", "value"))

OVERFLOW_OPTION = Shape({**_OPTION, "url": url()}, ("text", "value"))
"""Only an overflow menu opens addresses."""

RICH_OPTION = Shape(
    {"text": any_text(75), "value": text(150), "description": any_text(75)}, ("text", "value")
)
"""The option of checkboxes and radio buttons, which may hold mrkdwn."""

OPTIONS = array(OPTION, 100)

OPTION_GROUPS = array(
    Shape({"label": plain_text(75), "options": OPTIONS}, ("label", "options")), 100
)

CONFIRM = Shape(
    {
        "title": plain_text(100),
        "text": any_text(300),
        "confirm": plain_text(30),
        "deny": plain_text(30),
        "style": choice("primary", "danger"),
    },
    ("title", "text"),
)

DISPATCH_CONFIG = Shape(
    {"trigger_actions_on": array(choice("on_enter_pressed", "on_character_entered"), 2)}
)

IMAGE_ELEMENT = shape(
    {
        "image_url": url(),
        "slack_file": Shape({"id": text(255), "url": url()}),
        "alt_text": text(2000),
    },
    ("alt_text",),
    (one_of_fields("image_url", "slack_file"),),
)
