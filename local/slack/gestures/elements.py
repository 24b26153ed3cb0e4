"""Owns what a person did to one element, in Slack's words: a press, a choice, a typed value."""

import re
from typing import Any

from local.slack.blockkit.values import chosen_field
from local.slack.errors import Refused
from local.slack.state import Json

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_URL = re.compile(r"https?://\S+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


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


def complaint(element: Json, state: Json) -> str | None:
    """What Slack's client says against a value before the app hears of it."""
    kind = element["type"]
    given = state.get(chosen_field(element))
    if given in (None, "", []):
        return None
    if kind == "number_input":
        return _number_complaint(element, str(given))
    if kind == "plain_text_input":
        return _length_complaint(element, str(given))
    if kind == "url_text_input" and not _URL.fullmatch(str(given)):
        return "Please enter a valid URL."
    if kind == "email_text_input" and not _EMAIL.fullmatch(str(given)):
        return "Please enter a valid email address."
    most = element.get("max_selected_items", element.get("max_files"))
    if most is not None and isinstance(given, list) and len(given) > most:
        return f"Please choose at most {most}."
    return None


def _number_complaint(element: Json, given: str) -> str | None:
    if not _NUMBER.fullmatch(given):
        return "Please enter a valid number."
    if "." in given and not element["is_decimal_allowed"]:
        return "Please enter a whole number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and float(given) < float(low):
        return f"Please enter a number of {low} or more."
    if high is not None and float(given) > float(high):
        return f"Please enter a number of {high} or less."
    return None


def _length_complaint(element: Json, given: str) -> str | None:
    low, high = element.get("min_length", 0), element.get("max_length", 3000)
    if len(given) < low:
        return f"Please enter at least {low} characters."
    return f"Please enter at most {high} characters." if len(given) > high else None


def is_empty(state: Json) -> bool:
    return all(value in (None, "", []) for name, value in state.items() if name != "type")


def _as_list(given: object) -> list[Any]:
    if given is None:
        return []
    return given if isinstance(given, list) else [given]


def _option(element: Json, given: object) -> Json:
    if element["type"] in ("external_select", "multi_external_select"):
        if not isinstance(given, dict) or not {"text", "value"} <= set(given):
            raise Refused("An option of an external menu is the whole option the app offered.")
        return dict(given)
    value = given.get("value") if isinstance(given, dict) else given
    groups = element.get("option_groups", [])
    options = [*element.get("options", []), *(one for group in groups for one in group["options"])]
    for option in options:
        if option["value"] == value:
            return dict(option)
    offered = ", ".join(repr(option["value"]) for option in options)
    raise Refused(f"{value!r} is not an option of this menu; it offers {offered}.")
