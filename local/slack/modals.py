"""Owns the modals people have open: showing, stacking, replacing, closing; and their homes."""

import secrets

from local.slack import shapes
from local.slack.blockkit import check_view, name_blocks
from local.slack.blockkit.values import values_of
from local.slack.errors import SlackError
from local.slack.state import Json, View
from local.slack.workspace import Workspace

MAX_STACK = 3


def checked_view(given: object, kind: str) -> Json:
    """The view with its ids filled in. Raises SlackError `invalid_arguments` as Slack does."""
    problems = check_view(given)
    if not isinstance(given, dict) or problems:
        raise SlackError("invalid_arguments", problems)
    if given["type"] != kind:
        raise SlackError("invalid_arguments", [f"must be {kind} [json-pointer:/view/type]"])
    name_blocks(given["blocks"])
    return given


def show(ws: Workspace, user: str, body: Json, *, on_top: bool) -> View:
    """Open a modal: over the one that is open, or in place of whatever is."""
    _refuse_known_external_id(ws, body)
    stack = ws.state.open_views.setdefault(user, []) if on_top else []
    if len(stack) >= MAX_STACK:
        raise SlackError("push_limit_reached")
    if not on_top:
        close_all(ws, user)
        ws.state.open_views[user] = stack
    view_id = ws.state.next_id("V")
    root = stack[0] if stack else view_id
    previous = stack[-1] if stack else None
    view = View(view_id, user, body, _new_hash(ws), root, previous)
    view.values = values_of(body["blocks"], {})
    ws.state.views[view.id] = view
    stack.append(view.id)
    _announce(ws, view)
    return view


def replace(ws: Workspace, view: View, body: Json) -> None:
    """What was filled in stays where block and action keep their ids."""
    view.body = body
    view.values = values_of(body["blocks"], view.values)
    view.hash = _new_hash(ws)
    _announce(ws, view)


def publish_home(ws: Workspace, user: str, body: Json) -> View:
    view_id = ws.state.next_id("V")
    view = View(view_id, user, body, _new_hash(ws), view_id)
    view.values = values_of(body["blocks"], {})
    previous = ws.state.homes.get(user)
    if previous is not None:
        del ws.state.views[previous.id]
    ws.state.homes[user] = ws.state.views[view.id] = view
    ws.feed.tell(user, {"type": "home", "view": shapes.view_json(ws.state, view)})
    return view


def close(ws: Workspace, view: View) -> None:
    ws.state.open_views[view.user].remove(view.id)
    del ws.state.views[view.id]
    ws.feed.tell(view.user, {"type": "view_closed", "view_id": view.id})


def close_all(ws: Workspace, user: str) -> None:
    for view_id in reversed(ws.state.open_views.get(user, [])[:]):
        close(ws, ws.state.views[view_id])


def _announce(ws: Workspace, view: View) -> None:
    shown = shapes.view_json(ws.state, view)
    ws.feed.tell(view.user, {"type": "view", "view_id": view.id, "view": shown})


def _refuse_known_external_id(ws: Workspace, body: Json) -> None:
    external_id = body.get("external_id")
    if external_id and any(
        v.body.get("external_id") == external_id for v in ws.state.views.values()
    ):
        raise SlackError("duplicate_external_id")


def _new_hash(ws: Workspace) -> str:
    return f"{ws.state.next_ts()}.{secrets.token_hex(4)}"
