"""Owns `views.*`: modals opened by a gesture, pushed on each other, updated; and the app's home."""

from local.slack import modals, shapes
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.state import Json, View
from local.slack.tickets import exchange_trigger


def open_(call: Call) -> Json:
    body = _body(call, "modal")
    trigger = exchange_trigger(call.ws.triggers, _trigger_id(call))
    view = modals.show(call.ws, trigger.user, body, on_top=False)
    return _shown(call, view)


def push(call: Call) -> Json:
    body = _body(call, "modal")
    trigger = exchange_trigger(call.ws.triggers, _trigger_id(call))
    if trigger.view is None or not call.state.open_views.get(trigger.user):
        raise SlackError("not_found")
    view = modals.show(call.ws, trigger.user, body, on_top=True)
    return _shown(call, view)


def update(call: Call) -> Json:
    view = _named(call)
    given_hash = call.args.text("hash")
    if given_hash and given_hash != view.hash:
        raise SlackError("hash_conflict")
    modals.replace(call.ws, view, _body(call, view.body["type"]))
    return _shown(call, view)


def publish(call: Call) -> Json:
    user = call.user("user_id")
    if not call.ws.manifest.features.app_home.home_tab_enabled:
        raise SlackError("not_enabled")
    body = _body(call, "home")
    shown = call.state.homes.get(user.id)
    given_hash = call.args.text("hash")
    if given_hash and (shown is None or shown.hash != given_hash):
        raise SlackError("hash_conflict")
    return _shown(call, modals.publish_home(call.ws, user.id, body))


def _named(call: Call) -> View:
    view_id, external_id = call.args.text("view_id"), call.args.text("external_id")
    if not view_id and not external_id:
        raise SlackError("invalid_arguments", ["missing required field: view_id"])
    for view in call.state.views.values():
        if view_id == view.id or (external_id and external_id == view.body.get("external_id")):
            return view
    raise SlackError("not_found")


def _trigger_id(call: Call) -> str:
    return call.args.required("trigger_id")


def _body(call: Call, kind: str) -> Json:
    given = call.args.structure("view")
    if given is None:
        raise SlackError("invalid_arguments", ["missing required field: view"])
    return modals.checked_view(given, kind)


def _shown(call: Call, view: View) -> Json:
    return {"view": shapes.view_json(call.state, view)}
