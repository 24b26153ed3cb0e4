"""Owns App Home: what one person sees when they open us, and the menu beside each session."""

import asyncio
import time
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from agent.client import SessionClient
from agent.protocol import Person, ThreadRef
from bot import names
from bot.listeners.modals import Answer, as_modal
from bot.listeners.targets import Targets
from bot.people import People, client_of
from bot.threads import team_of, workspace_url_of
from bot.views import help as help_view
from bot.views import home as home_view
from bot.views.blocks import Rendered


def register(app: AsyncApp, sessions: SessionClient, people: People) -> None:
    targets = Targets(sessions, people)

    async def on_home(event: dict[str, Any], context: AsyncBoltContext) -> None:
        if event.get("tab") == "home":
            by = await people.person(context, str(event["user"]))
            await publish(context, sessions, by)

    async def on_menu(ack: AsyncAck, body: dict[str, Any], context: AsyncBoltContext) -> None:
        action, view = body["actions"][0], body.get("view") or {}
        user_id, chosen = str(body["user"]["id"]), str(action["selected_option"]["value"])

        async def answering() -> Answer:
            by = await people.person(context, user_id)
            return await _chosen(
                targets, chosen, by, f"menu:{user_id}:{action['action_ts']}", context
            )

        on_top = view.get("type") == "modal"
        await as_modal(context, str(body["trigger_id"]), answering(), on_top=on_top)
        await ack()

    app.event("app_home_opened")(on_home)
    app.action(names.SESSION_MENU)(on_menu)


async def publish(context: AsyncBoltContext, sessions: SessionClient, by: Person) -> None:
    """Show this person their App Home as things stand. Raises IngressError and SlackApiError."""
    view = home_view.closed() if by.outsider else await _view(context, sessions, by)
    await client_of(context).views_publish(user_id=by.user_id, view=view)


async def _view(context: AsyncBoltContext, sessions: SessionClient, by: Person) -> dict[str, Any]:
    team = team_of(context)
    cards, preferences, today = await asyncio.gather(
        sessions.sessions_of(team, by.user_id),
        sessions.preferences(team, by.user_id),
        sessions.spending(team),
    )
    home = home_view.Home(cards, preferences, workspace_url_of(context), today.day_usd)
    return home_view.view(home, time.time())


async def _chosen(
    targets: Targets, chosen: str, by: Person, identity: str, context: AsyncBoltContext
) -> Answer:
    """Do what the menu of a session says. Where it was opened vouches for nothing."""
    verb, key = home_view.chosen(chosen)
    thread = ThreadRef.parse(key)
    told = help_view.OUTSIDER if by.outsider else ""
    told = told or await targets.problem(thread, by, asked_in="", context=context)
    return Rendered(text=told or await targets.act(verb, thread, by, identity, context))
