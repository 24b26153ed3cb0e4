"""What people do in the workspace, one class each; the local API performs them by name."""

from local.slack.gestures.clicks import Click
from local.slack.gestures.forms import Close, Submit
from local.slack.gestures.gesture import Gesture
from local.slack.gestures.members import Invite, Join, Kick, Leave, SetTopic, Uninstall
from local.slack.gestures.menus import (
    Command,
    OpenHome,
    Stop,
    UseGlobalShortcut,
    UseShortcut,
)
from local.slack.gestures.messages import Delete, Edit, Post
from local.slack.gestures.reactions import React, Unreact
from local.slack.gestures.slackbot import SlackbotSays
from local.slack.gestures.suggestions import Suggest

GESTURES: dict[str, type[Gesture]] = {
    "message": Post,
    "edit": Edit,
    "delete": Delete,
    "click": Click,
    "command": Command,
    "shortcut": UseShortcut,
    "global_shortcut": UseGlobalShortcut,
    "suggest": Suggest,
    "submit": Submit,
    "close": Close,
    "stop": Stop,
    "home": OpenHome,
    "react": React,
    "unreact": Unreact,
    "join": Join,
    "leave": Leave,
    "invite": Invite,
    "kick": Kick,
    "topic": SetTopic,
    "slackbot": SlackbotSays,
    "uninstall": Uninstall,
}
"""By the last part of their address: `POST /local/message`."""

__all__ = ["GESTURES", "Gesture"]
