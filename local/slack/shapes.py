"""Owns how the workspace's data looks in Slack's JSON: people, channels, messages, files, views.

Pure functions of the state. Two readers see a message differently: the app (`as_app`) and the local
API's people (`as_person`), whose extras (`ephemeral`) Slack's own JSON does not have.
"""

import mimetypes
from pathlib import PurePosixPath
from urllib.parse import quote

from local.slack.state import Channel, Json, Message, State, StoredFile, User, View


def user_json(state: State, user: User) -> Json:
    """An outsider is told by the team alone: `is_stranger` only means no channel is shared."""
    bot = state.bot.id
    met = any({user.id, bot} <= set(channel.members) for channel in state.channels.values())
    enterprise: Json = {}
    if state.org is not None and not user.outsider:
        teams = {"teams": [user.team_id], "is_admin": user.is_admin, "is_owner": False}
        org = {"id": user.id, "enterprise_id": state.org.id, "enterprise_name": state.org.name}
        enterprise = {"enterprise_user": {**org, **teams}}
    return {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": False,
        "tz": "Etc/UTC",
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_admin": user.is_admin,
        "is_owner": False,
        "is_restricted": user.guest,
        "is_ultra_restricted": False,
        "is_stranger": user.outsider and not met,
        "profile": {
            "real_name": user.real_name,
            "display_name": user.real_name.split()[0],
            "team": user.team_id,
        },
        **enterprise,
    }


def channel_json(channel: Channel, bot: str) -> Json:
    """As this bot user sees it."""
    common: Json = {
        "id": channel.id,
        "created": channel.created,
        "is_im": channel.is_im,
        "is_mpim": channel.kind == "mpim",
        "is_archived": False,
        "is_org_shared": False,
        "is_ext_shared": channel.shared,
        "context_team_id": channel.team_id,
    }
    if channel.is_im:
        other = next(one for one in channel.members if one != bot)
        return {**common, "user": other, "is_user_deleted": False}
    return {
        **common,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_private": channel.kind != "channel",
        "is_general": channel.name == "general",
        "is_shared": channel.shared,
        "is_member": bot in channel.members,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def bot_profile(state: State, bot_id: str) -> Json:
    bot = state.bots[bot_id]
    return {
        "id": bot_id,
        "app_id": state.app_id,
        "user_id": bot.id,
        "name": bot.name,
        "deleted": False,
        "updated": 0,
        "team_id": bot.team_id,
        "icons": {},
    }


def message_json(state: State, message: Message, base_url: str, *, metadata: bool) -> Json:
    """A message as the app sees it; `metadata` only when it asked to include all metadata."""
    shown: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    shown |= _subtype(message)
    if message.bot_id is not None:
        shown |= {
            "bot_id": message.bot_id,
            "app_id": state.app_id,
            "bot_profile": bot_profile(state, message.bot_id),
        }
    shown["team"] = state.users[message.user].team_id
    for name in ("client_msg_id", "blocks", "attachments", "edited"):
        if getattr(message, name) is not None:
            shown[name] = getattr(message, name)
    if message.files:
        shown["files"] = [file_in_message(state, state.files[i], base_url) for i in message.files]
    if message.reactions:
        shown["reactions"] = reactions_json(message)
    if metadata and message.metadata is not None:
        shown["metadata"] = message.metadata
    return {**shown, **_thread_fields(state, message)}


def _subtype(message: Message) -> Json:
    if message.tombstone:
        return {"subtype": "tombstone", "hidden": True, "user": "USLACKBOT"}
    if message.files:
        return {"subtype": "file_share", "upload": False, "display_as_bot": False}
    subtype = "thread_broadcast" if message.broadcast else message.subtype
    return {} if subtype is None else {"subtype": subtype}


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


def person_message_json(state: State, message: Message, base_url: str, viewer: str) -> Json:
    """A message as the local API shows it to this person."""
    shown = message_json(state, message, base_url, metadata=True)
    if message.stream is not None:
        shown["streaming"] = True
        if message.stream.recipient not in (None, viewer):
            shown["text"], shown["blocks"] = message.stream.first
    return {
        "reactions": [],
        "files": [],
        "reply_count": 0,
        "latest_reply": "",
        **shown,
        "ephemeral": message.visible_to is not None,
    }


def reactions_json(message: Message) -> list[Json]:
    return [
        {"name": name, "users": list(users), "count": len(users)}
        for name, users in message.reactions.items()
    ]


def file_in_message(state: State, file: StoredFile, base_url: str) -> Json:
    """Not always all of it: a file may be gone, hidden, or told only by `files.info`."""
    stamps = {"id": file.id, "created": file.created, "timestamp": file.created}
    if file.mode in ("tombstone", "hidden_by_limit"):
        return {**stamps, "mode": file.mode}
    if file.hidden_details:
        about = {"mode": "file_access", "file_access": "check_file_info", "user": file.user}
        return {**stamps, **about}
    return file_json(state, file, base_url)


def file_json(state: State, file: StoredFile, base_url: str) -> Json:
    name = quote(file.name, safe="")
    private = f"{base_url}/files-pri/{state.team.id}-{file.id}"
    extension = PurePosixPath(file.name).suffix.lstrip(".").lower()
    external = file.mode == "external"
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
        "mode": file.mode,
        "is_external": external,
        "external_type": "gdrive" if external else "",
        "file_access": "visible",
        **(
            {"url_private": f"https://drive.example.com/{file.id}"}
            if external
            else {
                "url_private": f"{private}/{name}",
                "url_private_download": f"{private}/download/{name}",
            }
        ),
        "permalink": f"{base_url}/files/{file.id}/{name}",
    }


def view_json(state: State, view: View) -> Json:
    body = view.body
    common = {
        "id": view.id,
        "team_id": state.team.id,
        "app_id": state.app_id,
        "app_installed_team_id": state.team.id if state.org is None else state.org.id,
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
