"""What people do in the workspace, one class each; the local API performs them by name."""

from local.slack.gestures.clicks import Click
from local.slack.gestures.forms import Close, Submit
from local.slack.gestures.gesture import Gesture
from local.slack.gestures.menus import Command, OpenHome, Stop, UseShortcut
from local.slack.gestures.messages import Delete, Edit, Post

GESTURES: dict[str, type[Gesture]] = {
    "message": Post,
    "edit": Edit,
    "delete": Delete,
    "click": Click,
    "command": Command,
    "shortcut": UseShortcut,
    "submit": Submit,
    "close": Close,
    "stop": Stop,
    "home": OpenHome,
}
"""By the last part of their address: `POST /local/message`."""

__all__ = ["GESTURES", "Gesture"]
