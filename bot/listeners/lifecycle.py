"""Owns what Slack tells us about itself: the native Stop button, App Home, being removed.

The last listener takes every event and click nobody else wants: an unhandled one would be answered
404, and Slack would send it again.
"""

import logging
import re
import time
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from bot.controls import Controls
from bot.people import People, client_of
from bot.threads import team_of, thread_in
from bot.views import help as help_view

log = logging.getLogger(__name__)


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    controls = Controls(sessions)

    async def on_stop(event: dict[str, Any], context: AsyncBoltContext) -> None:
        channel = str(event.get("channel") or event.get("channel_id"))
        by = await people.person(context, str(event.get("user") or event.get("user_id")))
        if by.outsider:
            return
        thread = thread_in(context, channel, str(event["thread_ts"]))
        at = event.get("event_ts") or event.get("action_ts") or ""
        await controls.stop(thread, by, f"native:{thread.key}:{at}")

    async def on_home(event: dict[str, Any], context: AsyncBoltContext) -> None:
        if event.get("tab") != "home":
            return
        user_id = str(event["user"])
        cards = await sessions.sessions_of(team_of(context), user_id)
        view = help_view.home(cards, time.time())
        await client_of(context).views_publish(user_id=user_id, view=view)

    async def on_removed(event: dict[str, Any]) -> None:
        log.warning("Slack took our access away: %s", event["type"])

    async def on_other_event(event: dict[str, Any]) -> None:
        log.debug("nothing to do for %s", event.get("type"))

    async def on_other_click(ack: AsyncAck) -> None:
        await ack()

    app.event("agent_session_stopped")(on_stop)
    app.event("app_home_opened")(on_home)
    app.event("app_uninstalled")(on_removed)
    app.event("tokens_revoked")(on_removed)
    app.event(re.compile(".*"))(on_other_event)
    app.action(re.compile(".*"))(on_other_click)
