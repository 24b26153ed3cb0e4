"""Owns the state of elements: which field holds what was chosen, and what it is at first."""

from typing import Any

from local.slack.blockkit.ids import interactive_elements

_STATELESS = ("button", "icon_button", "feedback_buttons", "overflow")

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


def chosen_field(element: dict[str, Any]) -> str:
    return _CHOSEN_FIELD.get(element["type"], "value")


def is_stateful(element: dict[str, Any]) -> bool:
    """Whether Slack remembers what was chosen, and tells it in `state.values`."""
    return element["type"] not in _STATELESS


def values_of(blocks: list[dict[str, Any]], kept: dict[str, Any]) -> dict[str, Any]:
    """`state.values` of these blocks: what is kept from before, else what they start with."""
    values: dict[str, Any] = {}
    for found in interactive_elements(blocks):
        if is_stateful(found.element):
            before = kept.get(found.block_id, {}).get(found.action_id)
            same_kind = before is not None and before["type"] == found.element["type"]
            state = before if same_kind else _initial(found.element)
            values.setdefault(found.block_id, {})[found.action_id] = state
    return values


def _initial(element: dict[str, Any]) -> dict[str, Any]:
    field = chosen_field(element)
    given = element.get("initial_value", element.get(f"initial_{field.removeprefix('selected_')}"))
    if given is None and field.endswith("s"):
        given = []
    return {"type": element["type"], field: given}
