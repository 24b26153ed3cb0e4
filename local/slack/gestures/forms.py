"""Owns filling in modals: submitting one, and closing it."""

from typing import Any

from local.slack import interactions, modals
from local.slack.blockkit.ids import interactive_elements
from local.slack.blockkit.values import chosen_field, is_stateful
from local.slack.errors import Refused, SlackError
from local.slack.gestures import elements
from local.slack.gestures.gesture import Gesture, notify, open_view, require_interactivity
from local.slack.state import Json, View
from local.slack.workspace import Workspace

REQUIRED = "Please complete this required field."


class Submit(Gesture):
    view_id: str
    values: dict[str, dict[str, Any]] = {}
    """Slack's state values: `{block_id: {action_id: {"value": ...}}}`."""

    async def perform(self, ws: Workspace) -> Json:
        require_interactivity(ws)
        user = self.person(ws)
        view = open_view(ws, user, self.view_id)
        if view.body["type"] != "modal" or "submit" not in view.body:
            raise Refused("This view has no submit button.")
        if ws.state.open_views[user.id][-1] != view.id:
            raise Refused("Another modal is open over this one.")
        missing = _fill(view, self.values)
        if missing:
            return {"errors": missing}
        payload = interactions.view_submission(ws, user, view)
        answer = await ws.deliveries.ask("view_submission", "interactive", payload)
        return _obey(ws, view, answer or {})


class Close(Gesture):
    view_id: str

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        view = open_view(ws, user, self.view_id)
        if view.body["type"] != "modal":
            raise Refused("The home of the app cannot be closed.")
        cleared = bool(view.body.get("clear_on_close"))
        payload = interactions.view_closed(ws, user, view, cleared=cleared)
        if cleared:
            modals.close_all(ws, user.id)
        else:
            modals.close(ws, view)
        if view.body.get("notify_on_close") and ws.manifest.interactive:
            ws.deliveries.run_in_background(notify(ws, user, "interactive", payload))
        return {}


def _fill(view: View, values: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Write the form's values into the view; what is wrong, by block id."""
    named = {(block, action) for block, actions in values.items() for action in actions}
    missing = {}
    for found in interactive_elements(view.body["blocks"]):
        place = (found.block_id, found.action_id)
        named.discard(place)
        if not is_stateful(found.element):
            continue
        given = values.get(place[0], {}).get(place[1])
        if given is not None:
            view.values.setdefault(place[0], {})[place[1]] = _state(found.element, given)
        state = view.values[place[0]][place[1]]
        required = found.block["type"] == "input" and not found.block.get("optional")
        if required and elements.is_empty(state):
            missing[found.block_id] = REQUIRED
        elif (complaint := elements.complaint(found.element, state)) is not None:
            missing[found.block_id] = complaint
    if named:
        block_id, action_id = min(named)
        raise Refused(f"This modal has no element {action_id!r} in a block {block_id!r}.")
    return missing


def _state(element: Json, given: Any) -> Json:
    value = given.get(chosen_field(element)) if isinstance(given, dict) else given
    return {"type": element["type"], **elements.chosen(element, value)}


def _obey(ws: Workspace, view: View, answer: Json) -> Json:
    """What the app's answer does to the modal; without one it just closes."""
    action = answer.get("response_action")
    if action == "errors":
        errors = answer.get("errors")
        inputs = {one["block_id"] for one in view.body["blocks"] if one["type"] == "input"}
        if not isinstance(errors, dict) or not set(errors) <= inputs:
            raise Refused(f"The app answered with errors for no field of this modal: {errors}.")
        return {"errors": errors}
    if action == "clear":
        modals.close_all(ws, view.user)
    elif action in ("update", "push"):
        _show_answer(ws, view, action, answer.get("view"))
    elif action is None:
        modals.close(ws, view)
    else:
        raise Refused(f"The app answered with the unknown response_action {action!r}.")
    return {}


def _show_answer(ws: Workspace, view: View, action: str, given: object) -> None:
    try:
        body = modals.checked_view(given, "modal")
        if action == "update":
            modals.replace(ws, view, body)
        else:
            modals.show(ws, view.user, body, on_top=True)
    except SlackError as error:
        reasons = "; ".join(error.problems) or error.code
        raise Refused(f"The app answered with a view Slack refuses: {reasons}.") from error
