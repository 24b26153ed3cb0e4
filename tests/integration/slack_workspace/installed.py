"""A workspace with a test app installed, and a real Bolt app connected to it over Socket Mode."""

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from local.slack.workspace import Workspace
from tests.polling import until

Json = dict[str, Any]

GENERAL, BUILD, QUIET, DM_ANA = "C0GENERAL", "C0BUILD", "C0QUIET", "D0ANA"
ANA, BEN, OTTO, BOT = "U0ANA", "U0BEN", "U0OTTO", "U0BOT"


def manifest() -> Json:
    """An app that may do all this workspace offers."""
    return {
        "display_information": {"name": "Test app"},
        "features": {
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True},
            "agent_view": {"agent_description": "Tests the workspace."},
            "bot_user": {"display_name": "threadwright", "always_online": True},
            "slash_commands": [{"command": "/threadwright", "description": "Help"}],
            "shortcuts": [
                {
                    "name": "Download project",
                    "type": "message",
                    "callback_id": "download_project",
                    "description": "Post the project",
                },
                {
                    "name": "Start a project",
                    "type": "global",
                    "callback_id": "start_project",
                    "description": "Start a project from anywhere",
                },
            ],
        },
        "oauth_config": {
            "scopes": {
                "bot": [
                    "app_mentions:read",
                    "channels:history",
                    "channels:read",
                    "chat:write",
                    "commands",
                    "files:read",
                    "files:write",
                    "groups:history",
                    "groups:read",
                    "im:history",
                    "im:read",
                    "im:write",
                    "mpim:history",
                    "mpim:read",
                    "reactions:read",
                    "reactions:write",
                    "team:read",
                    "usergroups:read",
                    "users:read",
                ]
            }
        },
        "settings": {
            "event_subscriptions": {
                "bot_events": [
                    "agent_session_stopped",
                    "app_home_opened",
                    "app_mention",
                    "app_uninstalled",
                    "file_shared",
                    "member_joined_channel",
                    "member_left_channel",
                    "message.channels",
                    "message.groups",
                    "message.im",
                    "message.mpim",
                    "reaction_added",
                    "reaction_removed",
                    "tokens_revoked",
                ]
            },
            "interactivity": {"is_enabled": True},
            "socket_mode_enabled": True,
            "org_deploy_enabled": True,
        },
    }


def write_manifest(folder: Path, content: Json) -> Path:
    path = folder / "manifest.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def over_http(content: Json) -> Json:
    """The same app without Socket Mode: with an address for each thing Slack sends."""
    content["settings"]["socket_mode_enabled"] = False
    base = "https://app.example.com"
    content["settings"]["event_subscriptions"]["request_url"] = f"{base}/slack/events"
    content["settings"]["interactivity"]["request_url"] = f"{base}/slack/clicks"
    content["settings"]["interactivity"]["message_menu_options_url"] = f"{base}/slack/options"
    for command in content["features"]["slash_commands"]:
        command["url"] = f"{base}/slack/commands"
    return content


def without_scope(content: Json, *scopes: str) -> Json:
    bot = content["oauth_config"]["scopes"]["bot"]
    content["oauth_config"]["scopes"]["bot"] = [one for one in bot if one not in scopes]
    return content


def without_event(content: Json, *events: str) -> Json:
    subscriptions = content["settings"]["event_subscriptions"]
    subscriptions["bot_events"] = [e for e in subscriptions["bot_events"] if e not in events]
    return content


async def refusal(call: Awaitable[object]) -> Json:
    """Slack's whole answer to a call that must fail."""
    with pytest.raises(SlackApiError) as caught:
        await call
    data: Json = caught.value.response.data
    return data


async def settled(ws: Workspace) -> None:
    """Wait until nothing is on its way to the app."""
    await until(lambda: ws.deliveries.unacked == 0)


@dataclass
class ConnectedApp:
    """A Bolt app: what came over the socket, and what got past Bolt's own filters."""

    app: AsyncApp
    client: AsyncWebClient
    handler: AsyncSocketModeHandler
    envelopes: list[Json] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)

    def events(self, *types: str) -> list[Json]:
        """Inner events over the socket, echoes of the bot's own posts included."""
        found = [e["payload"]["event"] for e in self.envelopes if e["type"] == "events_api"]
        return [one for one in found if not types or one["type"] in types]

    def interactions(self, type_: str) -> list[Json]:
        found = [e["payload"] for e in self.envelopes if e["type"] == "interactive"]
        return [one for one in found if one["type"] == type_]


@asynccontextmanager
async def connected_app(
    ws: Workspace, register: Callable[[AsyncApp], None] = lambda _app: None
) -> AsyncIterator[ConnectedApp]:
    """Connected by Socket Mode; what `register` does not handle is acknowledged."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=ws.bot_token, base_url=ws.api_url, session=session)
        logger = logging.getLogger("tests.bolt")
        app = AsyncApp(client=client, process_before_response=True, logger=logger)
        handler = AsyncSocketModeHandler(app, ws.app_token, ping_interval=0.2)
        connected = ConnectedApp(app, client, handler)

        @app.use
        async def note(body: Json, next: Callable[[], Awaitable[None]]) -> None:
            connected.bodies.append(body)
            await next()

        async def note_envelope(message: aiohttp.WSMessage) -> None:
            envelope = json.loads(message.data)
            if "envelope_id" in envelope:
                connected.envelopes.append(envelope)

        register(app)
        for name in _HEARD:
            app.event(name)(_ignore)
        handler.client.on_message_listeners.append(note_envelope)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            await until(lambda: len(ws.sockets) > 0)
            yield connected
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]


_HEARD = (
    "agent_session_stopped",
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "file_created",
    "file_shared",
    "member_joined_channel",
    "member_left_channel",
    "message",
    "reaction_added",
    "reaction_removed",
    "tokens_revoked",
)


async def _ignore() -> None:
    """A subscribed event no test cares for; unhandled ones Bolt would not acknowledge."""
