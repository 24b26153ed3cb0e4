"""Builders of what Slack sends, in the shapes of recorded traffic."""

import time
from typing import Any

from tests.unit.bot.servers import BOT, TEAM

Json = dict[str, Any]

CHANNEL = "C0BUILD"
TS = "1712000000.000100"
LATER_TS = "1712000050.000200"


def ago(seconds: float) -> str:
    """Slack's ts of a message posted so long ago."""
    return f"{time.time() - seconds:.6f}"


def callback(event: Json) -> Json:
    return {
        "type": "event_callback",
        "team_id": TEAM,
        "api_app_id": "A0APP",
        "event": event,
        "event_id": f"Ev{event.get('ts', '')}{event['type']}",
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
    }


def message(text: str, *, user: str = "U0ANA", ts: str = TS, **more: Any) -> Json:
    event = {
        "type": "message",
        "user": user,
        "text": text,
        "ts": ts,
        "event_ts": ts,
        "team": TEAM,
        "channel": CHANNEL,
        "channel_type": "channel",
        "client_msg_id": f"client-{ts}",
    }
    return callback(event | more)


def mention(text: str, *, user: str = "U0ANA", ts: str = TS, **more: Any) -> Json:
    """The copy of a mention that comes as `app_mention`; it has no channel type."""
    body = message(text, user=user, ts=ts, **more)
    body["event"]["type"] = "app_mention"
    del body["event"]["channel_type"]
    return body


def reply(text: str, *, user: str = "U0ANA", ts: str = LATER_TS, **more: Any) -> Json:
    return message(text, user=user, ts=ts, **{"thread_ts": TS, "parent_user_id": "U0ANA"} | more)


def direct(text: str, *, user: str = "U0ANA", ts: str = TS, **more: Any) -> Json:
    return message(text, user=user, ts=ts, channel="D0ANA", channel_type="im", **more)


def edit(
    text: str,
    before: str,
    *,
    user: str = "U0ANA",
    ts: str = LATER_TS,
    root_ts: str = TS,
    channel: str = CHANNEL,
) -> Json:
    now = {"type": "message", "user": user, "text": text, "ts": ts, "thread_ts": root_ts}
    now["client_msg_id"] = f"client-{ts}"
    event = {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": channel,
        "channel_type": "channel",
        "ts": "1712000090.000900",
        "event_ts": "1712000090.000900",
        "message": now | {"edited": {"user": user, "ts": "1712000090.000000"}},
        "previous_message": now | {"text": before},
    }
    return callback(event)


def deletion(before: str, *, user: str = "U0ANA", ts: str = LATER_TS, root_ts: str = TS) -> Json:
    event = {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "channel": CHANNEL,
        "channel_type": "channel",
        "ts": "1712000095.000900",
        "event_ts": "1712000095.000900",
        "deleted_ts": ts,
        "previous_message": {
            "type": "message",
            "user": user,
            "text": before,
            "ts": ts,
            "thread_ts": root_ts,
        },
    }
    return callback(event)


def click(action_id: str, value: str, *, user: str = "U0ANA", action_ts: str = "1.1") -> Json:
    return {
        "type": "block_actions",
        "user": {"id": user, "team_id": TEAM},
        "team": {"id": TEAM, "domain": "local"},
        "channel": {"id": CHANNEL, "name": "build"},
        "container": {"type": "message", "message_ts": LATER_TS, "channel_id": CHANNEL},
        "message": {"ts": LATER_TS, "thread_ts": TS, "bot_id": "B0BOT", "text": "…"},
        "trigger_id": "1.2.abc",
        "response_url": "",
        "actions": [
            {
                "type": "button",
                "action_id": action_id,
                "block_id": "x",
                "value": value,
                "action_ts": action_ts,
            }
        ],
    }


def command(text: str, *, user: str = "U0ANA") -> Json:
    return {
        "command": "/threadwright",
        "text": text,
        "team_id": TEAM,
        "channel_id": CHANNEL,
        "user_id": user,
        "trigger_id": "9.9.trigger",
        "response_url": "",
        "is_enterprise_install": "false",
    }


def shortcut(
    callback_id: str = "download_project", *, user: str = "U0ANA", thread_ts: str | None = TS
) -> Json:
    said = {"ts": LATER_TS, "text": "hi"} | ({"thread_ts": thread_ts} if thread_ts else {})
    return {
        "type": "message_action",
        "callback_id": callback_id,
        "user": {"id": user, "team_id": TEAM},
        "team": {"id": TEAM, "domain": "local"},
        "channel": {"id": CHANNEL, "name": "build"},
        "message": said,
        "action_ts": "77.7",
        "trigger_id": "7.7.abc",
        "response_url": "",
    }


def global_shortcut(callback_id: str, *, user: str = "U0ANA") -> Json:
    return {
        "type": "shortcut",
        "callback_id": callback_id,
        "user": {"id": user, "team_id": TEAM},
        "team": {"id": TEAM, "domain": "local"},
        "action_ts": "78.8",
        "trigger_id": "8.8.abc",
    }


def home_opened(*, user: str = "U0ANA", tab: str = "home") -> Json:
    event = {"type": "app_home_opened", "user": user, "channel": "D0ANA", "tab": tab}
    return callback(event)


def click_in_view(action: Json, view_type: str = "home", *, user: str = "U0ANA") -> Json:
    """A click in App Home or in a modal: there is no channel and no message."""
    return {
        "type": "block_actions",
        "user": {"id": user, "team_id": TEAM},
        "team": {"id": TEAM, "domain": "local"},
        "container": {"type": "view", "view_id": "V0"},
        "view": {"id": "V0", "type": view_type, "blocks": []},
        "trigger_id": "6.6.abc",
        "actions": [{"block_id": "x", "action_ts": "66.6", **action}],
    }


def submission(view: Json, values: Json, *, user: str = "U0ANA") -> Json:
    return {
        "type": "view_submission",
        "user": {"id": user, "team_id": TEAM},
        "team": {"id": TEAM, "domain": "local"},
        "view": view | {"id": "V1", "state": {"values": values}},
    }
