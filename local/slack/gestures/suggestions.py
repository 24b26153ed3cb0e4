"""Owns typing into a menu whose options the app gives (`external_select`)."""

from typing import Any

from local.slack import interactions
from local.slack.blockkit import find_element
from local.slack.blockkit.objects import OPTION_GROUPS, OPTIONS
from local.slack.errors import Refused
from local.slack.gestures.gesture import (
    Gesture,
    open_view,
    require_interactivity,
    visible_channel,
    visible_message,
)
from local.slack.state import Json, Message, View
from local.slack.workspace import Workspace

_EXTERNAL = ("external_select", "multi_external_select")


class Suggest(Gesture):
    action_id: str
    value: str = ""
    block_id: str | None = None
    channel: str | None = None
    ts: str | None = None
    view_id: str | None = None
    """Instead of channel and ts, for a menu in a modal or the home."""

    async def perform(self, ws: Workspace) -> Json:
        """The `options` or `option_groups` the app offers for what was typed."""
        require_interactivity(ws)
        user = self.person(ws)
        where = self._where(ws)
        blocks = where.body["blocks"] if isinstance(where, View) else where.blocks or []
        found = find_element(blocks, self.action_id, self.block_id)
        if found is None or found.element["type"] not in _EXTERNAL:
            raise Refused(f"There is no external menu with the action_id {self.action_id!r} here.")
        if len(self.value) < found.element.get("min_query_length", 3):
            return {"options": []}
        payload = interactions.suggestion(ws, user, where, found, self.value)
        answer = await ws.deliveries.ask("block_suggestion", "interactive", payload)
        return _offered(answer or {})

    def _where(self, ws: Workspace) -> Message | View:
        user = self.person(ws)
        if self.view_id is not None:
            return open_view(ws, user, self.view_id)
        if self.channel is None or self.ts is None:
            raise Refused("A menu is in channel and ts of a message, or in the view_id of a modal.")
        return visible_message(ws, user, visible_channel(ws, user, self.channel), self.ts)


def _offered(answer: dict[str, Any]) -> Json:
    problems: list[str] = []
    for name, check in (("options", OPTIONS), ("option_groups", OPTION_GROUPS)):
        if answer.get(name):
            check(answer[name], f"/{name}", problems)
            if problems:
                raise Refused(f"The app offers options Slack refuses: {problems[0]}.")
            return {name: answer[name]}
    return {"options": []}
