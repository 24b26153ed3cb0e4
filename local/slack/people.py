"""Owns the local API: how pages, scripts and tests act as people, look on, and set faults.

Slack itself has no such API. Bodies and answers are JSON; a refusal is one sentence and status 400.
"""

import time
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from local.slack import shapes
from local.slack.errors import Refused
from local.slack.faults import Fault
from local.slack.gestures import GESTURES
from local.slack.gestures.gesture import known_person, visible_channel, visible_message
from local.slack.state import Channel, Json, Message, User
from local.slack.workspace import Workspace

ModelT = TypeVar("ModelT", bound=BaseModel)


async def perform(ws: Workspace, request: web.Request) -> Json:
    """A gesture: `POST /local/<name>`."""
    gesture = GESTURES.get(request.match_info["gesture"])
    if gesture is None:
        raise Refused(f"There is no gesture here but {', '.join(GESTURES)}.")
    return await (await read_body(request, gesture)).perform(ws)


async def set_fault(ws: Workspace, request: web.Request) -> Json:
    ws.faults.arm(await read_body(request, Fault))
    return {}


async def clear_faults(ws: Workspace, _request: web.Request) -> Json:
    ws.faults.clear()
    return {}


async def reconnect_app(ws: Workspace, _request: web.Request) -> Json:
    await ws.sockets.ask_to_reconnect()
    return {}


async def list_calls(ws: Workspace, request: web.Request) -> Json:
    return ws.calls.as_json(request.query.get("method"))


async def count_unacked(ws: Workspace, _request: web.Request) -> Json:
    return {"unacked": ws.deliveries.unacked, "connections": len(ws.sockets)}


async def show_state(ws: Workspace, request: web.Request) -> Json:
    user = known_person(ws, request.query.get("user", ""))
    state, manifest = ws.state, ws.manifest
    channels = [one for one in state.channels.values() if state.can_see(user.id, one)]
    visible = {channel.id for channel in channels}
    home = state.homes.get(user.id)
    commands = [] if user.outsider else manifest.commands
    shortcuts = [] if user.outsider else manifest.message_shortcuts
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
        visible_message(ws, user, channel, thread_ts)

    def wanted(message: Message) -> bool:
        if message.visible_to not in (None, user.id):
            return False
        if thread_ts is None:
            return message.thread_ts is None or message.broadcast
        return thread_ts in (message.ts, message.thread_ts)

    shown = [one for one in ws.state.messages(channel.id) if wanted(one)]
    return {"messages": [shapes.person_message_json(ws.state, one, ws.base_url) for one in shown]}


async def read_body(request: web.Request, model: type[ModelT]) -> ModelT:
    """Raises Refused with the first thing that is wrong."""
    if request.content_type != "application/json":
        raise Refused("Send the body as application/json.")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise Refused(f"{place}: {first['msg']}.") from error


def _person_json(user: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.real_name,
        "is_bot": user.is_bot,
        "outsider": user.outsider,
    }


def _channel_json(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "name": channel.name,
        "is_im": channel.is_im,
        "is_private": channel.kind != "channel",
        "topic": channel.topic,
        "members": list(channel.members),
    }
