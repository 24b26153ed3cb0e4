"""Owns what the app is told of a person's gestures: clicks, forms, shortcuts, commands.

Each payload carries what the gesture entitles the app to: a trigger id, a response URL.
"""

from local.slack import seed, shapes
from local.slack.blockkit import InteractiveElement
from local.slack.blockkit.values import values_of
from local.slack.manifest import Shortcut, SlashCommand
from local.slack.state import Channel, Json, Message, User, View
from local.slack.tickets import ResponseTarget, Trigger
from local.slack.workspace import Workspace


def message_action(ws: Workspace, user: User, message: Message, action: Json) -> Json:
    """A click on an element of a message. An ephemeral message is not carried along."""
    channel = ws.state.channels[message.channel]
    payload = {
        "type": "block_actions",
        **_who(ws, user),
        "container": _container(message),
        "trigger_id": _trigger(ws, user),
        "channel": _where(channel),
        "state": {"values": values_of(message.blocks or [], message.choices.get(user.id, {}))},
        "response_url": _response_url(ws, "actions", user, channel, message.ts),
        "actions": [action],
    }
    if message.visible_to is None:
        payload["message"] = shapes.message_json(ws.state, message, ws.base_url, metadata=True)
    return payload


def _container(message: Message) -> Json:
    thread = {} if message.thread_ts is None else {"thread_ts": message.thread_ts}
    return {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.visible_to is not None,
        **thread,
    }


def view_action(ws: Workspace, user: User, view: View, action: Json) -> Json:
    """A click on an element of a modal or of the app's home."""
    return {
        "type": "block_actions",
        **_who(ws, user),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": _trigger(ws, user, view.id),
        "view": shapes.view_json(ws.state, view),
        "actions": [action],
    }


def view_submission(ws: Workspace, user: User, view: View) -> Json:
    return {
        "type": "view_submission",
        **_who(ws, user),
        "trigger_id": _trigger(ws, user, view.id),
        "view": shapes.view_json(ws.state, view),
        "response_urls": [],
    }


def view_closed(ws: Workspace, user: User, view: View, *, cleared: bool) -> Json:
    return {
        "type": "view_closed",
        **_who(ws, user),
        "view": shapes.view_json(ws.state, view),
        "is_cleared": cleared,
    }


def message_shortcut(ws: Workspace, user: User, shortcut: Shortcut, message: Message) -> Json:
    channel = ws.state.channels[message.channel]
    return {
        "type": "message_action",
        **_who(ws, user),
        "callback_id": shortcut.callback_id,
        "action_ts": ws.state.next_ts(),
        "trigger_id": _trigger(ws, user),
        "response_url": _response_url(ws, "app", user, channel, message.ts),
        "channel": _where(channel),
        "message_ts": message.ts,
        "message": shapes.message_json(ws.state, message, ws.base_url, metadata=True),
    }


def global_shortcut(ws: Workspace, user: User, shortcut: Shortcut) -> Json:
    """From anywhere: no channel, no message, no response URL."""
    return {
        "type": "shortcut",
        **_who(ws, user),
        "callback_id": shortcut.callback_id,
        "action_ts": ws.state.next_ts(),
        "trigger_id": _trigger(ws, user),
    }


def suggestion(
    ws: Workspace, user: User, where: Message | View, found: InteractiveElement, value: str
) -> Json:
    """What a person has typed so far into an external menu."""
    payload = {
        "type": "block_suggestion",
        **_who(ws, user),
        "action_id": found.action_id,
        "block_id": found.block_id,
        "value": value,
    }
    if isinstance(where, View):
        container = {"type": "view", "view_id": where.id}
        return {**payload, "container": container, "view": shapes.view_json(ws.state, where)}
    shown = shapes.message_json(ws.state, where, ws.base_url, metadata=True)
    channel = _where(ws.state.channels[where.channel])
    return {**payload, "container": _container(where), "channel": channel, "message": shown}


def slash_command(
    ws: Workspace, user: User, channel: Channel, command: SlashCommand, text: str
) -> Json:
    """Never a thread_ts: developers' commands do not exist in threads."""
    team = ws.state.teams[channel.team_id]
    return {
        "token": seed.VERIFICATION_TOKEN,
        "team_id": team.id,
        "team_domain": team.domain,
        "channel_id": channel.id,
        "channel_name": _where(channel)["name"],
        "user_id": user.id,
        "user_name": user.name,
        "command": command.command,
        "text": text,
        "api_app_id": ws.state.app_id,
        **_install_of_command(ws),
        "response_url": _response_url(ws, "commands", user, channel, None),
        "trigger_id": _trigger(ws, user),
    }


def _who(ws: Workspace, user: User) -> Json:
    return {
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team_id,
        },
        "api_app_id": ws.state.app_id,
        "token": seed.VERIFICATION_TOKEN,
        **_installed(ws),
    }


def _installed(ws: Workspace) -> Json:
    """With an org-wide install no team is told, only the organisation."""
    team, org = ws.state.team, ws.state.org
    if org is None:
        where: Json = {"team": {"id": team.id, "domain": team.domain}, "enterprise": None}
    else:
        where = {"team": None, "enterprise": {"id": org.id, "name": org.name}}
    return {**where, "is_enterprise_install": org is not None}


def _install_of_command(ws: Workspace) -> Json:
    org = ws.state.org
    if org is None:
        return {"is_enterprise_install": "false"}
    named = {"enterprise_id": org.id, "enterprise_name": org.name}
    return {"is_enterprise_install": "true", **named}


def _where(channel: Channel) -> Json:
    name = {"im": "directmessage", "group": "privategroup"}.get(channel.kind, channel.name)
    return {"id": channel.id, "name": name}


def _trigger(ws: Workspace, user: User, view: str | None = None) -> str:
    return ws.triggers.issue(Trigger(user.id, view))


def _response_url(
    ws: Workspace, kind: str, user: User, channel: Channel, message_ts: str | None
) -> str:
    ticket = ws.responses.issue(ResponseTarget(user.id, channel.id, message_ts))
    return f"{ws.base_url}/{kind}/{ws.state.team.id}/{ticket}"
