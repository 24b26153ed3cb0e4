"""Owns what Slack tells us about itself: the native Stop button, being removed."""

import logging
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from agent.protocol import Nothing
from bot.controls import Controls
from bot.identity import Identity, Ourselves
from bot.people import People
from bot.threads import team_of, thread_in
from bot.workspace import DEPART

log = logging.getLogger(__name__)


def register(app: AsyncApp, sessions: SessionClient, people: People, ourselves: Ourselves) -> None:
    controls = Controls(sessions)

    async def on_stop(
        event: dict[str, Any], body: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        channel = str(event.get("channel") or event.get("channel_id"))
        by = await people.person(context, str(event.get("user") or event.get("user_id")))
        if by.outsider:
            return
        thread = thread_in(context, channel, str(event["thread_ts"]))
        at = event.get("event_ts") or event.get("action_ts") or ""
        identity = f"native:{thread.key}:{at or body.get('event_id')}"
        await controls.stop(thread, by, identity, at=str(at))

    async def on_removed(
        event: dict[str, Any], body: dict[str, Any], context: AsyncBoltContext
    ) -> None:
        us = ourselves.known
        if not _is_ours(event, body, us):
            return
        team = team_of(context) if us is None else us.team
        key = f"depart:{team}:{body.get('event_id') or event.get('event_ts')}"
        await sessions.send(DEPART, team, Nothing(), key_of_effect=key)
        ourselves.departed = True
        log.error(
            "Slack took our access to %s away (%s): nothing is shown there any more. "
            "Install the app again, set SLACK_BOT_TOKEN to its new token and start again.",
            team,
            event["type"],
        )

    app.event("agent_session_stopped")(on_stop)
    app.event("app_uninstalled")(on_removed)
    app.event("tokens_revoked")(on_removed)


def _is_ours(event: dict[str, Any], body: dict[str, Any], us: Identity | None) -> bool:
    """Not the tokens of people, of whom we have none, nor the install of another company."""
    tokens = event.get("tokens")
    bots = tokens.get("bot") if isinstance(tokens, dict) else None
    if event["type"] == "tokens_revoked" and not bots:
        return False
    places = {body.get("team_id"), body.get("enterprise_id")}
    return us is None or bool(places & us.homes)
