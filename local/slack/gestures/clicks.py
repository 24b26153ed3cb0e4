"""Owns clicking: pressing a button or choosing in a menu, in a message, a modal or the home."""

from typing import Any

from local.slack import interactions
from local.slack.blockkit import InteractiveElement, find_element
from local.slack.blockkit.values import is_stateful
from local.slack.errors import Refused
from local.slack.gestures import elements
from local.slack.gestures.gesture import (
    Gesture,
    notify,
    open_view,
    require_interactivity,
    visible_channel,
    visible_message,
)
from local.slack.state import Json, Message, User
from local.slack.workspace import Workspace

_PRESSED = ("button", "icon_button", "feedback_buttons")


class Click(Gesture):
    action_id: str
    block_id: str | None = None
    value: str | None = None
    selected_option: Any = None
    channel: str | None = None
    ts: str | None = None
    view_id: str | None = None
    """Instead of channel and ts, for an element of a modal or the home."""

    async def perform(self, ws: Workspace) -> Json:
        require_interactivity(ws)
        user = self.person(ws)
        if self.view_id is not None:
            payload = self._in_view(ws, user, self.view_id)
        elif self.channel is not None and self.ts is not None:
            payload = self._in_message(ws, user, self.channel, self.ts)
        else:
            raise Refused("A click needs channel and ts of a message, or the view_id of a modal.")
        ws.deliveries.run_in_background(notify(ws, user, "interactive", payload))
        return {}

    def _in_message(self, ws: Workspace, user: User, channel_id: str, ts: str) -> Json:
        channel = visible_channel(ws, user, channel_id)
        message = visible_message(ws, user, channel, ts)
        found = self._find(message.blocks or [], f"message {ts}")
        _require_clickable(user, message, found)
        action = self._action(ws, found)
        self._remember(message.choices.setdefault(user.id, {}), found)
        return interactions.message_action(ws, user, message, action)

    def _in_view(self, ws: Workspace, user: User, view_id: str) -> Json:
        view = open_view(ws, user, view_id)
        found = self._find(view.body["blocks"], f"view {view_id}")
        action = self._action(ws, found)
        self._remember(view.values, found)
        return interactions.view_action(ws, user, view, action)

    def _find(self, blocks: list[Json], where: str) -> InteractiveElement:
        found = find_element(blocks, self.action_id, self.block_id)
        if found is None:
            raise Refused(f"There is no element with the action_id {self.action_id!r} in {where}.")
        if found.block["type"] == "input" and not found.block.get("dispatch_action"):
            raise Refused(f"{self.action_id!r} is an input: it is sent when the form is submitted.")
        return found

    def _action(self, ws: Workspace, found: InteractiveElement) -> Json:
        kind = found.element["type"]
        if kind in _PRESSED:
            what = elements.pressed(found.element, self.value)
        else:
            what = elements.chosen(found.element, self._given())
        return {
            "type": kind,
            "action_id": found.action_id,
            "block_id": found.block_id,
            **what,
            "action_ts": ws.state.next_ts(),
        }

    def _remember(self, values: Json, found: InteractiveElement) -> None:
        if is_stateful(found.element):
            state = {"type": found.element["type"], **elements.chosen(found.element, self._given())}
            values.setdefault(found.block_id, {})[found.action_id] = state

    def _given(self) -> object:
        return self.value if self.selected_option is None else self.selected_option


def _require_clickable(user: User, message: Message, found: InteractiveElement) -> None:
    only_for = found.element.get("visible_to_user_ids")
    if message.bot_id is None or (only_for and user.id not in only_for):
        raise Refused(f"{user.name} cannot see the element {found.action_id!r}.")
