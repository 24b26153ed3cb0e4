"""Owns the local API of people: how pages, scripts and tests act as them and see what they see.

Slack itself has no such API. Bodies and answers are JSON; a refusal is one sentence and status 400.
"""

import time

from aiohttp import web

from local.slack import shapes
from local.slack.errors import Refused
from local.slack.gestures import GESTURES
from local.slack.gestures.gesture import known_person, visible_channel, visible_message
from local.slack.state import Channel, Json, User
from local.slack.switches import read_body
from local.slack.workspace import Workspace


async def perform(ws: Workspace, request: web.Request) -> Json:
    """A gesture: `POST /local/<name>`."""
    gesture = GESTURES.get(request.match_info["gesture"])
    if gesture is None:
        raise Refused(f"There is no gesture here but {', '.join(GESTURES)}.")
    return await (await read_body(request, gesture)).perform(ws)


async def show_state(ws: Workspace, request: web.Request) -> Json:
    user = known_person(ws, request.query.get("user", ""))
    state, manifest = ws.state, ws.manifest
    channels = [one for one in state.channels.values() if state.can_see(user.id, one)]
    visible = {channel.id for channel in channels}
    home = state.homes.get(user.id)
    commands = [] if user.outsider else manifest.commands
    shortcuts = [] if user.outsider else manifest.message_shortcuts
    everywhere = [] if user.outsider else manifest.global_shortcuts
    sessions = shapes.sessions_json(state, time.time())
    return {
        "team": {"id": state.team.id, "name": state.team.name},
        "me": user.id,
        "bot": {"user_id": state.bot.id, "name": state.bot.name},
        "users": [_person_json(one) for one in state.users.values()],
        "channels": [_channel_json(one) for one in channels],
        "commands": [
            {"command": one.command, "description": one.description, "usage_hint": one.usage_hint}
            for one in commands
        ],
        "shortcuts": [{"callback_id": one.callback_id, "name": one.name} for one in shortcuts],
        "global_shortcuts": [
            {"callback_id": one.callback_id, "name": one.name} for one in everywhere
        ],
        "groups": [
            {"id": one.id, "handle": one.handle, "name": one.name, "users": list(one.users)}
            for one in state.groups.values()
        ],
        "install": {
            "kind": "team" if state.org is None else "org",
            "enterprise_id": None if state.org is None else state.org.id,
            "teams": [{"id": one.id, "name": one.name} for one in state.teams.values()],
        },
        "sessions": [one for one in sessions if one["channel"] in visible],
        "views": [
            shapes.view_json(state, state.views[view_id])
            for view_id in state.open_views.get(user.id, [])
        ],
        "home": None if home is None else shapes.view_json(state, home),
    }


async def list_messages(ws: Workspace, request: web.Request) -> Json:
    """Top-level messages of a channel, or a thread with its root, oldest first."""
    user = known_person(ws, request.query.get("user", ""))
    channel = visible_channel(ws, user, request.query.get("channel", ""))
    thread_ts = request.query.get("thread_ts")
    if thread_ts is not None:
        root = visible_message(ws, user, channel, thread_ts)
        shown = [root, *ws.state.thread(channel.id, thread_ts)]
    else:
        shown = list(ws.state.top_level(channel.id))
    return {
        "messages": [
            shapes.person_message_json(ws.state, one, ws.base_url, user.id)
            for one in shown
            if one.visible_to in (None, user.id)
        ]
    }


def _person_json(user: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "is_bot": user.is_bot,
        "outsider": user.outsider,
        "is_admin": user.is_admin,
        "is_guest": user.guest,
        "team_id": user.team_id,
    }


def _channel_json(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_im": channel.is_im,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_shared": channel.shared,
        "kind": channel.kind,
        "team_id": channel.team_id,
        "topic": channel.topic,
        "members": list(channel.members),
    }
