"""Owns what all gestures share: who makes them, where, and how the app hears of them."""

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict

from local.slack.errors import Refused
from local.slack.state import Channel, Json, Message, User, View
from local.slack.transport import EnvelopeType
from local.slack.workspace import Workspace


class Gesture(BaseModel, ABC):
    """Something a person does. The fields are the body of its request to the local API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    user: str

    @abstractmethod
    async def perform(self, ws: Workspace) -> Json:
        """What the local API answers besides `ok`. Raises Refused."""

    def person(self, ws: Workspace) -> User:
        return known_person(ws, self.user)


def known_person(ws: Workspace, user_id: str) -> User:
    user = ws.state.users.get(user_id)
    if user is None or user.is_bot:
        people = ", ".join(one.id for one in ws.state.users.values() if not one.is_bot)
        raise Refused(f"There is no person {user_id!r} here; use one of {people}.")
    return user


def visible_channel(ws: Workspace, user: User, channel_id: str) -> Channel:
    channel = ws.state.channels.get(channel_id)
    if channel is None or not ws.state.can_see(user.id, channel):
        raise Refused(f"{user.name} sees no channel {channel_id!r}.")
    return channel


def joined_channel(ws: Workspace, user: User, channel_id: str) -> Channel:
    channel = visible_channel(ws, user, channel_id)
    if user.id not in channel.members:
        raise Refused(f"{user.name} is not a member of #{channel.name}.")
    return channel


def visible_message(ws: Workspace, user: User, channel: Channel, ts: str) -> Message:
    message = ws.state.message(channel.id, ts)
    if message is None or message.visible_to not in (None, user.id):
        raise Refused(f"There is no message {ts!r} in {channel.id}.")
    return message


def open_view(ws: Workspace, user: User, view_id: str) -> View:
    """A modal this person has open, or their home."""
    view = ws.state.views.get(view_id)
    if view is None or view.user != user.id:
        raise Refused(f"{user.name} has no view {view_id!r} open.")
    return view


def require_interactivity(ws: Workspace) -> None:
    if not ws.manifest.interactive:
        raise Refused(
            "The app handles no interactions: its manifest needs settings.interactivity.is_enabled."
        )


async def notify(ws: Workspace, user: User, type_: EnvelopeType, payload: Json) -> None:
    """Tell the app without waiting for more than its acknowledgement.

    A failure is shown to the person, as Slack shows a warning beside the button.
    """
    try:
        await ws.deliveries.ask(str(payload["type"]), type_, payload)
    except Refused as refusal:
        ws.feed.tell(user.id, {"type": "toast", "text": str(refusal)})
