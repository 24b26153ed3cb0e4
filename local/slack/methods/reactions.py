"""Owns `reactions.*`."""

import re

from local.slack import conversation, events
from local.slack.errors import SlackError
from local.slack.methods.call import Call
from local.slack.state import Json, Message

_NAME = re.compile(r"[a-z0-9_'+-]+(::skin-tone-[2-6])?")


def add(call: Call) -> Json:
    message, name = _target(call)
    users = message.reactions.setdefault(name, [])
    if call.bot.id in users:
        raise SlackError("already_reacted")
    users.append(call.bot.id)
    conversation.announce(call.ws, "reaction", message)
    events.send_reaction(call.ws, "reaction_added", message, call.bot.id, name)
    return {}


def remove(call: Call) -> Json:
    message, name = _target(call)
    users = message.reactions.get(name, [])
    if call.bot.id not in users:
        raise SlackError("no_reaction")
    users.remove(call.bot.id)
    if not users:
        del message.reactions[name]
    conversation.announce(call.ws, "reaction", message)
    events.send_reaction(call.ws, "reaction_removed", message, call.bot.id, name)
    return {}


def _target(call: Call) -> tuple[Message, str]:
    name = call.args.required("name", "invalid_name")
    if not _NAME.fullmatch(name):
        raise SlackError("invalid_name")
    if not call.args.text("channel") or not call.args.text("timestamp"):
        raise SlackError("no_item_specified")
    channel = call.joined_channel()
    return call.message(channel, "timestamp", "bad_timestamp"), name
