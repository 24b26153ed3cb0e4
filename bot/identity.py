"""Owns who we are in Slack, asked once with the bot's token, and whether we still have access."""

import aiohttp
from pydantic import BaseModel, ConfigDict
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient


class Unidentified(Exception):
    """Slack did not say who we are; the message is one sentence."""


class Identity(BaseModel):
    """Answer of auth.test."""

    model_config = ConfigDict(frozen=True)

    team_id: str
    enterprise_id: str = ""
    org_wide: bool = False
    """Installed for a whole enterprise, not for one workspace."""
    user_id: str
    bot_id: str = ""
    url: str = ""
    """Address of the workspace, `https://acme.slack.com/`."""

    @property
    def team(self) -> str:
        """First part of every session key."""
        return self.enterprise_id if self.org_wide and self.enterprise_id else self.team_id

    @property
    def homes(self) -> set[str]:
        """Ids that count as this workspace: its team, and its enterprise if it has one."""
        return {id_ for id_ in (self.team_id, self.enterprise_id) if id_}


class Ourselves:
    """One per process; `client` carries the bot's token."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.client = client
        self.departed = False
        """Slack took our access away: nothing we show will arrive any more."""
        self.known: Identity | None = None
        """Once it was asked for."""

    async def identity(self) -> Identity:
        """Raises Unidentified. Bolt's own way would acknowledge, and so lose, whatever arrives
        while auth.test fails."""
        if self.known is None:
            try:
                answer = await self.client.auth_test()
            except SlackApiError as error:
                reason = error.response.get("error")
                raise Unidentified(f"Slack refused our token: {reason}.") from error
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Unidentified(f"Slack gave no answer ({type(error).__name__}).") from error
            self.known = Identity(
                team_id=str(answer.get("team_id") or ""),
                enterprise_id=str(answer.get("enterprise_id") or ""),
                org_wide=answer.get("is_enterprise_install") is True,
                user_id=str(answer.get("user_id") or ""),
                bot_id=str(answer.get("bot_id") or ""),
                url=str(answer.get("url") or ""),
            )
        return self.known
