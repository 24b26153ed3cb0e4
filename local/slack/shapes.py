"""Owns how the workspace's data looks in Slack's JSON: people, channels, messages, files, views.

Pure functions of the state. Two readers see a message differently: the app (`as_app`) and the local
API's people (`as_person`), whose extras (`ephemeral`) Slack's own JSON does not have.
"""

import mimetypes
from pathlib import PurePosixPath
from urllib.parse import quote

from local.slack.state import Channel, Json, Message, State, StoredFile, User, View


def user_json(state: State, user: User) -> Json:
    """A guest is told by the team alone: `is_stranger` only means that no channel is shared."""
    bot = state.bot.id
    met = any({user.id, bot} <= set(channel.members) for channel in state.channels.values())
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "tz": "Etc/UTC",
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_admin": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_stranger": user.outsider and not met,
        "profile": {
            "real_name": user.real_name,
            "display_name": user.real_name.split()[0],
            "team": user.team_id,
        },
    }


def channel_json(state: State, channel: Channel) -> Json:
    common: Json = {
        "id": channel.id,
        "created": channel.created,
        "is_im": channel.is_im,
        "is_mpim": False,
        "is_archived": False,
        "is_org_shared": False,
        "is_ext_shared": channel.shared,
        "context_team_id": state.team.id,
    }
    if channel.is_im:
        other = next(one for one in channel.members if one != state.bot.id)
        return {**common, "user": other, "is_user_deleted": False}
    return {
        **common,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_private": channel.kind == "group",
        "is_general": channel.name == "general",
        "is_shared": channel.shared,
        "is_member": state.bot.id in channel.members,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def bot_profile(state: State) -> Json:
    return {
        "id": state.bot_id,
        "app_id": state.app_id,
        "user_id": state.bot.id,
        "name": state.bot.name,
        "deleted": False,
        "updated": 0,
        "team_id": state.team.id,
        "icons": {},
    }


def message_json(state: State, message: Message, base_url: str, *, metadata: bool) -> Json:
    """A message as the app sees it; `metadata` only when it asked to include all metadata."""
    shown: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.tombstone:
        shown |= {"subtype": "tombstone", "hidden": True, "user": "USLACKBOT"}
    elif message.files:
        shown |= {"subtype": "file_share", "upload": False, "display_as_bot": False}
    elif message.broadcast:
        shown["subtype"] = "thread_broadcast"
    if message.bot_id is not None:
        shown |= {
            "bot_id": message.bot_id,
            "app_id": state.app_id,
            "bot_profile": bot_profile(state),
        }
    shown["team"] = state.users[message.user].team_id
    for name in ("client_msg_id", "blocks", "attachments", "edited"):
        if getattr(message, name) is not None:
            shown[name] = getattr(message, name)
    if message.files:
        shown["files"] = [file_json(state, state.files[one], base_url) for one in message.files]
    if message.reactions:
        shown["reactions"] = reactions_json(message)
    if metadata and message.metadata is not None:
        shown["metadata"] = message.metadata
    return {**shown, **_thread_fields(state, message)}


def _thread_fields(state: State, message: Message) -> Json:
    if message.thread_ts is not None:
        root = state.message(message.channel, message.thread_ts)
        parent = {} if root is None else {"parent_user_id": root.user}
        return {"thread_ts": message.thread_ts, **parent}
    replies = state.replies(message.channel, message.ts)
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user for reply in replies))
    return {
        "thread_ts": message.ts,
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "reply_users": users[:5],
        "latest_reply": replies[-1].ts,
        "is_locked": False,
        "subscribed": True,
    }


def person_message_json(state: State, message: Message, base_url: str) -> Json:
    """A message as the local API shows it to people."""
    shown = message_json(state, message, base_url, metadata=True)
    replies = state.replies(message.channel, message.ts)
    return {
        "reactions": [],
        "files": [],
        "reply_count": len(replies),
        "latest_reply": replies[-1].ts if replies else "",
        **shown,
        "ephemeral": message.visible_to is not None,
    }


def reactions_json(message: Message) -> list[Json]:
    return [
        {"name": name, "users": list(users), "count": len(users)}
        for name, users in message.reactions.items()
    ]


def file_json(state: State, file: StoredFile, base_url: str) -> Json:
    name = quote(file.name)
    private = f"{base_url}/files-pri/{state.team.id}-{file.id}"
    extension = PurePosixPath(file.name).suffix.lstrip(".").lower()
    return {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        "filetype": extension or "binary",
        "pretty_type": extension.upper() or "Binary",
        "user": file.user,
        "user_team": state.users[file.user].team_id,
        "editable": False,
        "size": file.size,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "file_access": "visible",
        "url_private": f"{private}/{name}",
        "url_private_download": f"{private}/download/{name}",
        "permalink": f"{base_url}/files/{file.id}/{name}",
    }


def view_json(state: State, view: View) -> Json:
    body = view.body
    common = {
        "id": view.id,
        "team_id": state.team.id,
        "app_id": state.app_id,
        "app_installed_team_id": state.team.id,
        "bot_id": state.bot_id,
        "type": body["type"],
        "blocks": body["blocks"],
        "private_metadata": body.get("private_metadata", ""),
        "callback_id": body.get("callback_id", ""),
        "external_id": body.get("external_id", ""),
        "state": {"values": view.values},
        "hash": view.hash,
        "root_view_id": view.root,
        "previous_view_id": view.previous,
    }
    if body["type"] == "home":
        return common
    return {
        **common,
        "title": body["title"],
        "submit": body.get("submit"),
        "close": body.get("close"),
        "clear_on_close": body.get("clear_on_close", False),
        "notify_on_close": body.get("notify_on_close", False),
        "submit_disabled": body.get("submit_disabled", False),
    }


def session_json(state: State, channel: str, thread_ts: str, now: float) -> Json:
    """The agent's status in a thread; where it only set a status line, it counts as `active`."""
    session = state.sessions.get((channel, thread_ts))
    return {
        "channel": channel,
        "thread_ts": thread_ts,
        "status": "active" if session is None else state.session_status(session, now),
        "title": "" if session is None else session.title,
        "text": state.status_text(channel, thread_ts, now),
    }


def sessions_json(state: State, now: float) -> list[Json]:
    """Every thread in which the agent shows a status."""
    lines = [thread for thread in state.status_lines if state.status_text(*thread, now)]
    threads = dict.fromkeys([*state.sessions, *lines])
    return [session_json(state, channel, thread_ts, now) for channel, thread_ts in threads]


def permalink(base_url: str, message: Message) -> str:
    link = f"{base_url}/archives/{message.channel}/p{message.ts.replace('.', '')}"
    if message.thread_ts is None:
        return link
    return f"{link}?thread_ts={message.thread_ts}&cid={message.channel}"
