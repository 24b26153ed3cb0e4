"""Owns emoji people put on messages, and take away."""

from pydantic import Field

from local.slack import conversation, events
from local.slack.errors import Refused
from local.slack.gestures.gesture import Gesture, joined_channel, visible_message
from local.slack.state import Json, Message, User
from local.slack.workspace import Workspace


class _Reaction(Gesture):
    channel: str
    ts: str
    name: str = Field(pattern=r"^[a-z0-9_'+-]+(::skin-tone-[2-6])?$")

    def _message(self, ws: Workspace, user: User) -> Message:
        channel = joined_channel(ws, user, self.channel)
        message = visible_message(ws, user, channel, self.ts)
        if message.visible_to is not None or message.tombstone:
            raise Refused("This message takes no reactions.")
        return message


class React(_Reaction):
    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        message = self._message(ws, user)
        users = message.reactions.setdefault(self.name, [])
        if user.id not in users:
            users.append(user.id)
            conversation.announce(ws, "reaction", message)
            events.send_reaction(ws, "reaction_added", message, user.id, self.name)
        return {}


class Unreact(_Reaction):
    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        message = self._message(ws, user)
        users = message.reactions.get(self.name, [])
        if user.id not in users:
            raise Refused(f"{user.name} has not put :{self.name}: on this message.")
        users.remove(user.id)
        if not users:
            del message.reactions[self.name]
        conversation.announce(ws, "reaction", message)
        events.send_reaction(ws, "reaction_removed", message, user.id, self.name)
        return {}
