"""Owns the message shortcut “Download project”: the one way in that also works inside threads."""

from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from bot import names
from bot.listeners.targets import Targets
from bot.listeners.telling import privately
from bot.people import People
from bot.threads import thread_in
from bot.views import help as help_view


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    targets = Targets(sessions, people)

    async def on_download(
        ack: AsyncAck, shortcut: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        message, channel = shortcut["message"], str(shortcut["channel"]["id"])
        root_ts = str(message.get("thread_ts") or message["ts"])
        by = await people.person(context, str(shortcut["user"]["id"]))
        thread = thread_in(context, channel, root_ts)
        told = (
            help_view.OUTSIDER
            if by.outsider
            else await targets.problem(thread, by, asked_in=channel, context=context)
        )
        if not told:
            identity = f"shortcut:{thread.key}:{shortcut['action_ts']}"
            told = await targets.act("download", thread, by, identity, context)
        await ack()
        await privately(context, channel, by.user_id, told, root_ts)

    app.shortcut(names.DOWNLOAD_SHORTCUT)(on_download)
