"""Owns Block Kit's elements: buttons, menus, inputs, their limits, and where each may stand."""

import re
from typing import Any

from local.slack.blockkit import objects
from local.slack.blockkit.checks import (
    Check,
    Problems,
    Shape,
    anything,
    array,
    boolean,
    choice,
    integer,
    note,
    number,
    one_of_fields,
    pattern,
    shape,
    tagged,
    text,
    url,
)
from local.slack.blockkit.rich_text import RICH_TEXT

_ACTION: dict[str, Check] = {"action_id": text(255)}
_INPUT: dict[str, Check] = {
    **_ACTION,
    "confirm": objects.CONFIRM,
    "focus_on_load": boolean,
    "placeholder": objects.plain_text(150),
}
_TYPED: dict[str, Check] = {
    **_ACTION,
    "focus_on_load": boolean,
    "placeholder": objects.plain_text(150),
    "dispatch_action_config": objects.DISPATCH_CONFIG,
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DATE = pattern(r"\d{4}-\d{2}-\d{2}", "must be a date as YYYY-MM-DD")
_TIME = pattern(r"\d{2}:\d{2}", "must be a time as HH:mm")
_FEEDBACK = Shape(
    {"text": objects.plain_text(75), "value": text(2000), "accessibility_label": text(75)},
    ("text", "value"),
)
_ANSWERS = array(objects.RICH_OPTION, 10)


def _menu(*, initial: str, many: bool = False, **fields: Check) -> Shape:
    limit: dict[str, Check] = {"max_selected_items": integer(1, 10_000)} if many else {}
    return shape({**_INPUT, initial: anything, **fields, **limit})


def _static(initial: str, *, many: bool = False) -> Shape:
    menu = _menu(
        initial=initial, many=many, options=objects.OPTIONS, option_groups=objects.OPTION_GROUPS
    )
    rules = (one_of_fields("options", "option_groups"), _not_both_kinds, _initial_is_offered)
    return Shape(menu.fields, (), rules)


def _not_both_kinds(value: object, pointer: str, problems: Problems) -> None:
    if isinstance(value, dict) and {"options", "option_groups"} <= set(value):
        note(problems, "cannot define both `options` and `option_groups`", pointer)


def _initial_is_offered(value: object, pointer: str, problems: Problems) -> None:
    """What is chosen at first must be one of the options, to the letter."""
    if not isinstance(value, dict):
        return
    offered = _list(value.get("options"))
    for group in _list(value.get("option_groups")):
        offered = offered + _list(group.get("options") if isinstance(group, dict) else None)
    initial = _list(value.get("initial_options"))
    if "initial_option" in value:
        initial = [*initial, value["initial_option"]]
    for one in initial:
        if one not in offered:
            name = "initial_option" if "initial_option" in value else "initial_options"
            note(problems, "must be one of the options", f"{pointer}/{name}")
            return


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _lengths_agree(value: object, pointer: str, problems: Problems) -> None:
    if isinstance(value, dict):
        low, high = value.get("min_length"), value.get("max_length")
        if isinstance(low, int) and isinstance(high, int) and low > high:
            note(problems, "must be no more than max_length", f"{pointer}/min_length")


def _numbers_agree(value: object, pointer: str, problems: Problems) -> None:
    if not isinstance(value, dict):
        return
    numbers: dict[str, float] = {}
    for name in ("min_value", "initial_value", "max_value"):
        given = value.get(name)
        if not isinstance(given, str) or (name == "initial_value" and not given):
            continue
        if not _NUMBER.fullmatch(given):
            note(problems, "must be a number", f"{pointer}/{name}")
            return
        numbers[name] = float(given)
    ordered = list(numbers.values())
    if ordered != sorted(ordered):
        note(
            problems, "must be between min_value and max_value", f"{pointer}/{next(iter(numbers))}"
        )


BUTTON = shape(
    {
        **_ACTION,
        "text": objects.plain_text(75),
        "url": url(),
        "value": text(2000, minimum=0),
        "style": choice("primary", "danger"),
        "confirm": objects.CONFIRM,
        "accessibility_label": text(75),
    },
    ("text",),
)

_SELECTS = {
    "static_select": _static("initial_option"),
    "multi_static_select": _static("initial_options", many=True),
    "external_select": _menu(initial="initial_option", min_query_length=integer(0, 100)),
    "multi_external_select": _menu(
        initial="initial_options", many=True, min_query_length=integer(0, 100)
    ),
    "users_select": _menu(initial="initial_user"),
    "multi_users_select": _menu(initial="initial_users", many=True),
    "channels_select": _menu(initial="initial_channel", response_url_enabled=boolean),
    "multi_channels_select": _menu(initial="initial_channels", many=True),
    "conversations_select": _menu(
        initial="initial_conversation",
        default_to_current_conversation=boolean,
        response_url_enabled=boolean,
        filter=anything,
    ),
    "multi_conversations_select": _menu(
        initial="initial_conversations",
        many=True,
        default_to_current_conversation=boolean,
        filter=anything,
    ),
}

_PICKERS = {
    "datepicker": shape({**_INPUT, "initial_date": _DATE}),
    "timepicker": shape({**_INPUT, "initial_time": _TIME, "timezone": text(255)}),
    "datetimepicker": shape({**_INPUT, "initial_date_time": integer(0, 9_999_999_999)}),
    "checkboxes": shape(
        {**_INPUT, "options": _ANSWERS, "initial_options": _ANSWERS},
        ("options",),
        (_initial_is_offered,),
    ),
    "radio_buttons": shape(
        {**_INPUT, "options": _ANSWERS, "initial_option": objects.RICH_OPTION},
        ("options",),
        (_initial_is_offered,),
    ),
}

_FIELDS = {
    "plain_text_input": shape(
        {
            **_TYPED,
            "initial_value": text(3000, minimum=0),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
        },
        (),
        (_lengths_agree,),
    ),
    "email_text_input": shape({**_TYPED, "initial_value": text(3000, minimum=0)}),
    "url_text_input": shape({**_TYPED, "initial_value": text(3000, minimum=0)}),
    "number_input": shape(
        {
            **_TYPED,
            "is_decimal_allowed": boolean,
            "initial_value": text(255, minimum=0),
            "min_value": text(255),
            "max_value": text(255),
        },
        ("is_decimal_allowed",),
        (_numbers_agree,),
    ),
    "rich_text_input": shape({**_TYPED, "initial_value": RICH_TEXT}),
    "file_input": shape(
        {**_ACTION, "filetypes": array(text(255), 100), "max_files": integer(1, 10)}
    ),
}

_BUTTONS = {
    "button": BUTTON,
    "overflow": shape(
        {**_ACTION, "options": array(objects.OVERFLOW_OPTION, 5), "confirm": objects.CONFIRM},
        ("options",),
    ),
}

_CONTEXT_BUTTONS = {
    "feedback_buttons": shape(
        {**_ACTION, "positive_button": _FEEDBACK, "negative_button": _FEEDBACK},
        ("positive_button", "negative_button"),
    ),
    "icon_button": shape(
        {
            **_ACTION,
            "icon": text(255),
            "text": objects.plain_text(75),
            "accessibility_label": text(75),
            "value": text(2000),
            "visible_to_user_ids": array(text(255), 1000),
            "confirm": objects.CONFIRM,
        },
        ("icon", "text"),
    ),
}

IN_ACTIONS = tagged(
    {**_BUTTONS, **_SELECTS, **_PICKERS, "rich_text_input": _FIELDS["rich_text_input"]}
)
IN_SECTION = tagged({**_BUTTONS, **_SELECTS, **_PICKERS, "image": objects.IMAGE_ELEMENT})
IN_INPUT = tagged({**_SELECTS, **_PICKERS, **_FIELDS})
IN_CONTEXT_ACTIONS = tagged(_CONTEXT_BUTTONS)
IN_CARD = tagged({"button": BUTTON})
IN_CONTEXT = tagged(
    {
        "image": objects.IMAGE_ELEMENT,
        "plain_text": shape({"text": text(3000), "emoji": boolean}, ("text",)),
        "mrkdwn": shape({"text": text(3000), "verbatim": boolean}, ("text",)),
    }
)
URL_SOURCE = tagged({"url": shape({"url": url(), "text": text(3000)}, ("url", "text"))})
TABLE_CELL = tagged(
    {
        "raw_text": shape({"text": text(3000)}, ("text",)),
        "raw_number": shape({"value": number, "text": text(255)}, ("value", "text")),
        "rich_text": RICH_TEXT,
    }
)

INTERACTIVE = frozenset({*_BUTTONS, *_SELECTS, *_PICKERS, *_FIELDS, *_CONTEXT_BUTTONS})
"""Element types that have an `action_id`."""
