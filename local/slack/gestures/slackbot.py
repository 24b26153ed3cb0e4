"""Owns Slackbot's notices: messages by nobody, which an app must not take for a person's."""

from local.slack import conversation, seed
from local.slack.gestures.gesture import Gesture, visible_channel, visible_message
from local.slack.state import Json, Message
from local.slack.workspace import Workspace


class SlackbotSays(Gesture):
    """Made by the workspace itself; `user` only says who looks on."""

    channel: str
    text: str
    thread_ts: str | None = None

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        channel = visible_channel(ws, user, self.channel)
        if self.thread_ts is not None:
            visible_message(ws, user, channel, self.thread_ts)
        message = Message(
            channel.id, ws.state.next_ts(), seed.SLACKBOT.id, self.text, self.thread_ts
        )
        conversation.post(ws, message)
        return {"ts": message.ts}
