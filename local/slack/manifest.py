"""Owns what the app's manifest says: scopes, events, commands, shortcuts, switches.

A key Slack does not know is an error here too, so a misspelt feature cannot pass unnoticed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from local.slack.errors import Refused

MAX_SHORTCUTS = 5
"""Of each kind."""


class ManifestError(Exception):
    """The manifest cannot be used; the message is one sentence naming the file and the place."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _chars(maximum: int) -> Any:
    return Field(min_length=1, max_length=maximum)


_Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+", max_length=3000)]


class SlashCommand(_Part):
    command: Annotated[str, Field(pattern=r"^/\S+$", max_length=32)]
    description: Annotated[str, _chars(2000)]
    usage_hint: str = ""
    should_escape: bool = False
    url: _Url | None = None


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
    request_url: _Url | None = None


class Interactivity(_Part):
    is_enabled: bool = False
    request_url: _Url | None = None
    message_menu_options_url: _Url | None = None


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

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        """Slack's own sentences: without Socket Mode everything it sends needs an address."""
        settings = self.settings
        if settings.socket_mode_enabled:
            return self
        subscriptions = settings.event_subscriptions
        if (subscriptions.bot_events or subscriptions.user_events) and not (
            subscriptions.request_url
        ):
            raise ValueError(
                "Event Subscription requires either Request URL or Socket Mode Enabled"
            )
        if settings.interactivity.is_enabled and not settings.interactivity.request_url:
            raise ValueError("Interactivity requires a Request URL")
        if any(one.url is None for one in self.features.slash_commands):
            raise ValueError("Slash Command must have a URL or Socket Mode Enabled")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        shortcuts = self.features.shortcuts
        for kind in ("message", "global"):
            if sum(one.type == kind for one in shortcuts) > MAX_SHORTCUTS:
                raise ValueError(f"An app has at most {MAX_SHORTCUTS} {kind} shortcuts")
        names = [one.callback_id for one in shortcuts]
        if len(set(names)) < len(names):
            raise ValueError("Two shortcuts have the same callback_id")
        return self

    def without_optional(self, refused: list[str]) -> Self:
        """As granted by an admin who refuses these. Raises Refused for one that is required."""
        scopes = self.oauth_config.scopes
        for scope in refused:
            if scope not in scopes.bot_optional:
                raise Refused(f"{scope} is not among the manifest's bot_optional scopes.")
        kept = [one for one in scopes.bot_optional if one not in refused]
        oauth = self.oauth_config.model_copy(
            update={"scopes": scopes.model_copy(update={"bot_optional": kept})}
        )
        return self.model_copy(update={"oauth_config": oauth})

    @property
    def granted_scopes(self) -> list[str]:
        """Optional ones too, unless an admin refused them (`without_optional`)."""
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
        return self._shortcuts("message")

    @property
    def global_shortcuts(self) -> list[Shortcut]:
        return self._shortcuts("global")

    def _shortcuts(self, kind: str) -> list[Shortcut]:
        if not self.has_scope("commands"):
            return []
        return [one for one in self.features.shortcuts if one.type == kind]


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
        problem = first["msg"].removeprefix("Value error, ")
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ManifestError(f"The manifest {path} is wrong at {place}: {problem}.") from error
