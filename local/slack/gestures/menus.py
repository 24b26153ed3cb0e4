"""Owns what people do through Slack's own controls: commands, shortcuts, Stop, the app's home."""

import time
from typing import Literal

from local.slack import conversation, events, interactions, streams
from local.slack.errors import Refused, SlackError
from local.slack.gestures.gesture import (
    Gesture,
    joined_channel,
    notify,
    require_interactivity,
    visible_channel,
    visible_message,
)
from local.slack.markup import typed_text
from local.slack.methods.content import checked_blocks
from local.slack.state import Channel, Json, Message, User
from local.slack.workspace import Workspace


class Command(Gesture):
    channel: str
    command: str
    text: str = ""
    in_thread: bool = False

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        channel = joined_channel(ws, user, self.channel)
        known = {one.command: one for one in ws.manifest.commands}
        declared = known.get(self.command)
        if declared is None or user.outsider:
            raise Refused(f"{self.command} is not a valid command.")
        if self.in_thread:
            raise Refused(f"{self.command} is not supported in threads. Sorry!")
        text = typed_text(ws.state, self.text) if declared.should_escape else self.text
        payload = interactions.slash_command(ws, user, channel, declared, text.strip())
        ws.deliveries.run_in_background(self._run(ws, user, channel, payload))
        return {}

    async def _run(self, ws: Workspace, user: User, channel: Channel, payload: Json) -> None:
        try:
            answer = await ws.deliveries.ask(self.command, "slash_commands", payload)
        except Refused as refusal:
            ws.feed.tell(user.id, {"type": "toast", "text": f"{self.command} failed: {refusal}"})
            return
        if answer:
            say_answer(ws, user, channel, answer)


def say_answer(ws: Workspace, user: User, channel: Channel, answer: Json) -> None:
    """What the app put into its acknowledgement: for the person alone, or for the channel."""
    try:
        blocks = checked_blocks(answer["blocks"]) if answer.get("blocks") else None
    except SlackError as error:
        reasons = "; ".join(error.problems) or error.code
        ws.feed.tell(user.id, {"type": "toast", "text": f"The app's answer is wrong: {reasons}."})
        return
    in_channel = answer.get("response_type") == "in_channel"
    message = Message(
        channel=channel.id,
        ts=ws.state.next_ts(),
        user=ws.state.bot.id,
        bot_id=ws.state.bot_id,
        text=str(answer.get("text", "")),
        blocks=blocks,
        visible_to=None if in_channel else user.id,
    )
    conversation.post(ws, message)


class UseShortcut(Gesture):
    channel: str
    ts: str
    callback_id: str

    async def perform(self, ws: Workspace) -> Json:
        require_interactivity(ws)
        user = self.person(ws)
        message = visible_message(ws, user, visible_channel(ws, user, self.channel), self.ts)
        known = {one.callback_id: one for one in ws.manifest.message_shortcuts}
        shortcut = known.get(self.callback_id)
        if shortcut is None or user.outsider:
            raise Refused(f"The app offers no message shortcut {self.callback_id!r}.")
        if message.visible_to is not None or message.tombstone:
            raise Refused("Slack offers no shortcuts on this message.")
        payload = interactions.message_shortcut(ws, user, shortcut, message)
        ws.deliveries.run_in_background(notify(ws, user, "interactive", payload))
        return {}


class UseGlobalShortcut(Gesture):
    """From the composer's menu or the search: it belongs to no channel."""

    callback_id: str

    async def perform(self, ws: Workspace) -> Json:
        require_interactivity(ws)
        user = self.person(ws)
        known = {one.callback_id: one for one in ws.manifest.global_shortcuts}
        shortcut = known.get(self.callback_id)
        if shortcut is None or user.outsider:
            raise Refused(f"The app offers no global shortcut {self.callback_id!r}.")
        payload = interactions.global_shortcut(ws, user, shortcut)
        ws.deliveries.run_in_background(notify(ws, user, "interactive", payload))
        return {}


class Stop(Gesture):
    """The native Stop button. Slack ends what is streamed and leaves the status as it is."""

    channel: str
    thread_ts: str

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        channel = visible_channel(ws, user, self.channel)
        session = ws.state.sessions.get((channel.id, self.thread_ts))
        if session is None or ws.state.session_status(session, time.time()) != "processing":
            raise Refused("Nothing is running in this thread.")
        if not ws.manifest.subscribes_to("agent_session_stopped"):
            raise Refused(
                "There is no Stop button: the app must subscribe to agent_session_stopped."
            )
        ended = streams.end_of_thread(ws, channel.id, self.thread_ts)
        events.send_session_stopped(ws, channel, self.thread_ts, user.id, ended)
        return {}


class OpenHome(Gesture):
    tab: Literal["home", "messages"] = "home"

    async def perform(self, ws: Workspace) -> Json:
        user = self.person(ws)
        if self.tab == "home" and not ws.manifest.features.app_home.home_tab_enabled:
            raise Refused("The app has no home: its manifest needs features.app_home.")
        events.send_home_opened(ws, user.id, self.tab)
        return {}
