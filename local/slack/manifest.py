"""Owns what the app's manifest says: scopes, events, commands, shortcuts, switches.

A key Slack does not know is an error here too, so a misspelt feature cannot pass unnoticed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError


class ManifestError(Exception):
    """The manifest cannot be used; the message is one sentence naming the file and the place."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _chars(maximum: int) -> Any:
    return Field(min_length=1, max_length=maximum)


class SlashCommand(_Part):
    command: Annotated[str, Field(pattern=r"^/\S+$", max_length=32)]
    description: Annotated[str, _chars(2000)]
    usage_hint: str = ""
    should_escape: bool = False
    url: str | None = None


class Shortcut(_Part):
    name: Annotated[str, _chars(24)]
    type: Literal["message", "global"]
    callback_id: Annotated[str, _chars(255)]
    description: Annotated[str, _chars(150)]


class Prompt(_Part):
    title: str
    message: str


class AgentAction(_Part):
    name: str
    description: str


class AgentView(_Part):
    agent_description: Annotated[str, _chars(300)]
    suggested_prompts: Annotated[list[Prompt], Field(max_length=4)] = []
    actions: list[AgentAction] = []


class AppHome(_Part):
    home_tab_enabled: bool = False
    messages_tab_enabled: bool = False
    messages_tab_read_only_enabled: bool = False


class BotUser(_Part):
    display_name: Annotated[str, _chars(80)]
    always_online: bool = False


class Features(_Part):
    app_home: AppHome = AppHome()
    agent_view: AgentView | None = None
    bot_user: BotUser
    slash_commands: Annotated[list[SlashCommand], Field(max_length=50)] = []
    shortcuts: Annotated[list[Shortcut], Field(max_length=10)] = []
    unfurl_domains: list[str] = []


class Scopes(_Part):
    bot: list[str] = []
    bot_optional: list[str] = []
    user: list[str] = []
    user_optional: list[str] = []


class OAuthConfig(_Part):
    scopes: Scopes = Scopes()
    redirect_urls: list[str] = []
    token_management_enabled: bool | None = None
    pkce_enabled: bool | None = None


class EventSubscriptions(_Part):
    bot_events: list[str] = []
    user_events: list[str] = []
    request_url: str | None = None


class Interactivity(_Part):
    is_enabled: bool = False
    request_url: str | None = None
    message_menu_options_url: str | None = None


class Settings(_Part):
    event_subscriptions: EventSubscriptions = EventSubscriptions()
    interactivity: Interactivity = Interactivity()
    socket_mode_enabled: bool = False
    org_deploy_enabled: bool = False
    token_rotation_enabled: bool = False
    allowed_ip_address_ranges: list[str] = []
    is_mcp_enabled: bool = False


class DisplayInformation(_Part):
    name: Annotated[str, _chars(35)]
    description: Annotated[str, Field(max_length=140)] = ""
    long_description: Annotated[str, Field(min_length=174, max_length=4000)] | None = None
    background_color: str | None = None


class MetadataVersions(_Part):
    major_version: int = 1
    minor_version: int = 1


class Manifest(_Part):
    """The app as its manifest declares it, and the questions this workspace asks of it."""

    metadata: MetadataVersions = Field(default=MetadataVersions(), alias="_metadata")
    display_information: DisplayInformation
    features: Features
    oauth_config: OAuthConfig = OAuthConfig()
    settings: Settings = Settings()

    @property
    def granted_scopes(self) -> list[str]:
        """Optional ones too: the admin of this workspace refuses nothing."""
        scopes = [*self.oauth_config.scopes.bot, *self.oauth_config.scopes.bot_optional]
        if self.features.agent_view is not None:
            scopes.append("assistant:write")  # Slack adds it when the app is declared an agent
        return sorted(set(scopes))

    def has_scope(self, scope: str) -> bool:
        return scope in self.granted_scopes

    def subscribes_to(self, event: str) -> bool:
        return event in self.settings.event_subscriptions.bot_events

    @property
    def interactive(self) -> bool:
        return self.settings.interactivity.is_enabled

    @property
    def commands(self) -> list[SlashCommand]:
        """None at all without the scope `commands`: Slack would not install them."""
        return self.features.slash_commands if self.has_scope("commands") else []

    @property
    def message_shortcuts(self) -> list[Shortcut]:
        if not self.has_scope("commands"):
            return []
        return [one for one in self.features.shortcuts if one.type == "message"]


def read_manifest(path: Path) -> Manifest:
    """Raises ManifestError when the file is missing, is not YAML, or is not a manifest."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(
            f"The manifest {path} cannot be read ({error.strerror}). Pass its path with --manifest."
        ) from error
    except yaml.YAMLError as error:
        raise ManifestError(f"The manifest {path} is not valid YAML: {error}.") from error
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ManifestError(f"The manifest {path} is wrong at {place}: {first['msg']}.") from error
