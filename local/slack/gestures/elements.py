"""Owns what a person did to one element, in Slack's words: a press, a choice, a typed value."""

from typing import Any

from local.slack.errors import Refused
from local.slack.state import Json

_CHOSEN_FIELD = {
    "users_select": "selected_user",
    "channels_select": "selected_channel",
    "conversations_select": "selected_conversation",
    "multi_users_select": "selected_users",
    "multi_channels_select": "selected_channels",
    "multi_conversations_select": "selected_conversations",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "overflow": "selected_option",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "rich_text_input": "rich_text_value",
    "file_input": "files",
}
"""Where the state of an element holds what was chosen; the others use `value`."""


def chosen_field(element: Json) -> str:
    return _CHOSEN_FIELD.get(element["type"], "value")


def pressed(element: Json, value: str | None) -> Json:
    """A press on a button, an icon, or one of two feedback buttons."""
    if element["type"] == "feedback_buttons":
        for side in ("positive_button", "negative_button"):
            if element[side]["value"] == value:
                return {"text": element[side]["text"], "value": value}
        sides = [element[side]["value"] for side in ("positive_button", "negative_button")]
        raise Refused(f"The feedback is one of the values {sides[0]!r} and {sides[1]!r}.")
    own = element.get("value")
    if value is not None and value != own:
        raise Refused(f"This button has the value {own!r}, not {value!r}.")
    return {name: element[name] for name in ("text", "value", "style") if name in element}


def chosen(element: Json, given: object) -> Json:
    """A choice in a menu or picker; options may be named by their value."""
    field = chosen_field(element)
    if field == "selected_option":
        return {field: None if given is None else _option(element, given)}
    if field == "selected_options":
        return {field: [_option(element, one) for one in _as_list(given)]}
    return {field: given}


def is_empty(state: Json) -> bool:
    return all(value in (None, "", []) for name, value in state.items() if name != "type")


def _as_list(given: object) -> list[Any]:
    if given is None:
        return []
    return given if isinstance(given, list) else [given]


def _option(element: Json, given: object) -> Json:
    value = given.get("value") if isinstance(given, dict) else given
    groups = element.get("option_groups", [])
    options = [*element.get("options", []), *(one for group in groups for one in group["options"])]
    for option in options:
        if option["value"] == value:
            return dict(option)
    offered = ", ".join(repr(option["value"]) for option in options)
    raise Refused(f"{value!r} is not an option of this menu; it offers {offered}.")
