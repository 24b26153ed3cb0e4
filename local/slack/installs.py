"""Owns where the app is installed: in one workspace, in a whole organisation, in two companies."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from local.slack import seed
from local.slack.errors import Refused
from local.slack.manifest import Manifest
from local.slack.state import Channel, Json, Org, State, Team, User


class InstallSpec(BaseModel):
    """How the app is installed, as `POST /local/install` sets it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["team", "org"] = "team"
    second: bool = False
    """Installed in the other company as well: both installations hear of the shared channel."""

    team_in_authorizations: bool = True
    """With an org-wide install Slack may leave `authorizations[].team_id` null; False does so."""


@dataclass(frozen=True)
class Installation:
    """One installation: its bot user, its token, and the organisation when it is org-wide."""

    team: Team
    bot: User
    bot_id: str
    token: str
    org: Org | None = None
    team_in_authorizations: bool = True

    @property
    def enterprise_id(self) -> str | None:
        return None if self.org is None else self.org.id

    def hears(self, channel: Channel) -> bool:
        return self.bot.id in channel.members

    def team_of(self, channel: Channel | None) -> str:
        """The team an event of this channel is told as: its own when the install is org-wide."""
        return self.team.id if channel is None or self.org is None else channel.team_id

    def authorization(self, team_id: str) -> Json:
        return {
            "enterprise_id": self.enterprise_id,
            "team_id": team_id if self.team_in_authorizations else None,
            "user_id": self.bot.id,
            "is_bot": True,
            "is_enterprise_install": self.org is not None,
        }


def installations(state: State, manifest: Manifest, spec: InstallSpec) -> list[Installation]:
    """Install the app so, and add the teams and people this needs.

    Raises:
        Refused: org-wide, and the manifest does not allow it.
    """
    org_wide = spec.kind == "org"
    if org_wide and not manifest.settings.org_deploy_enabled:
        raise Refused(
            "The app cannot be installed org-wide: its manifest needs settings.org_deploy_enabled."
        )
    state.org = seed.ORG if org_wide else None
    if org_wide and seed.SECOND_TEAM.id not in state.teams:
        seed.add_second_team(state)
    installed = [
        Installation(
            state.team,
            state.bot,
            state.bot_id,
            seed.BOT_TOKEN,
            state.org,
            team_in_authorizations=spec.team_in_authorizations or not org_wide,
        )
    ]
    if spec.second:
        seed.add_other_company(state)
        installed.append(
            Installation(seed.OTHER_TEAM, seed.OTHER_BOT, seed.OTHER_BOT_ID, seed.SECOND_BOT_TOKEN)
        )
    return installed
