"""Owns the bot's settings: the only reader of its environment, checked once at start."""

from collections.abc import Mapping
from os import environ as process_environ
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from agent.endpoint import EndpointError, host_and_port
from bot.people import Stranger


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one sentence that names the variable."""


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _token(prefix: str, value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(prefix):
        raise ValueError(f"it must start with {prefix}")
    return value


class Settings(BaseModel):
    """Field aliases are the names of the environment variables."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    slack_bot_token: Annotated[SecretStr, Field(alias="SLACK_BOT_TOKEN")]
    slack_app_token: Annotated[SecretStr | None, Field(alias="SLACK_APP_TOKEN")] = None
    """App-level token with `connections:write`, for Socket Mode. Either this or the next."""
    slack_signing_secret: Annotated[SecretStr | None, Field(alias="SLACK_SIGNING_SECRET")] = None
    """For HTTP mode: Slack sends its requests to us."""
    slack_bind: Annotated[str, Field(alias="THREADWRIGHT_SLACK_BIND")] = "127.0.0.1:3000"
    """Where they are taken, in HTTP mode; behind a proxy that ends TLS."""
    slack_api_url: Annotated[str, Field(alias="SLACK_API_URL")] = "https://slack.com/api/"

    restate_ingress_url: Annotated[str, Field(alias="RESTATE_INGRESS_URL")] = (
        "http://127.0.0.1:8080"
    )
    restate_admin_url: Annotated[str, Field(alias="RESTATE_ADMIN_URL")] = "http://127.0.0.1:9070"
    restate_auth_token: Annotated[SecretStr | None, Field(alias="RESTATE_AUTH_TOKEN")] = None
    restate_identity_keys: Annotated[str, Field(alias="RESTATE_IDENTITY_KEYS")] = ""
    """Comma separated public keys; empty accepts any caller, so bind to loopback then."""

    slack_pace: Annotated[float, Field(alias="THREADWRIGHT_SLACK_PACE", gt=0, le=1000)] = 1.0
    """For a workspace with special rate limits: how many times Slack's ordinary ones they are."""
    stream_answers: Annotated[Literal["on", "off"], Field(alias="THREADWRIGHT_STREAM_ANSWERS")] = (
        "off"
    )
    """Final answers in direct messages appear bit by bit."""

    bind: Annotated[str, Field(alias="THREADWRIGHT_BOT_BIND")] = "127.0.0.1:9081"
    url: Annotated[str, Field(alias="THREADWRIGHT_BOT_URL")] = ""
    """Where Restate reaches the poster, and the agent the files people attach; `http://<bind>`
    when unset."""
    attachment_mb: Annotated[int, Field(alias="THREADWRIGHT_ATTACHMENT_MB", ge=1, le=1024)] = 50
    """Largest attached file that is taken; the agent reads the same variable."""

    admit: Annotated[str, Field(alias="THREADWRIGHT_ADMIT")] = ""
    """Strangers that count as members: `guests`, `outsiders` or `guests,outsiders`."""
    aside: Annotated[str, Field(alias="THREADWRIGHT_ASIDE")] = "aside:"
    """A message that starts with this is not for us."""

    @field_validator("slack_bot_token")
    @classmethod
    def _bot_token(cls, value: SecretStr) -> SecretStr:
        return _token("xoxb-", value)  # with any other, Bolt cannot tell our own messages apart

    @field_validator("slack_app_token")
    @classmethod
    def _app_token(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else _token("xapp-", value)

    @field_validator("slack_api_url", "restate_ingress_url", "restate_admin_url", "url")
    @classmethod
    def _http_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.netloc):
            raise ValueError("it must be an http:// or https:// URL")
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _ends_with_slash(cls, value: str) -> str:
        return value.rstrip("/") + "/"  # the SDK appends method names as they are

    @field_validator("bind", "slack_bind")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        try:
            host_and_port(value, "bind")
        except EndpointError:
            raise ValueError("it must be host:port, for example 127.0.0.1:3000") from None
        return value

    @field_validator("admit")
    @classmethod
    def _strangers(cls, value: str) -> str:
        if set(_words(value)) - set(get_args(Stranger)):
            raise ValueError("it must be guests, outsiders, or guests,outsiders")
        return value

    @field_validator("aside")
    @classmethod
    def _mark(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("it must be some characters, for example aside:")
        if value.lstrip().startswith("/"):
            raise ValueError("it must not start with /, which Slack takes for a command")
        return value.strip()

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.slack_app_token is None and self.slack_signing_secret is None:
            raise ValueError(
                "SLACK_APP_TOKEN is not set: give it a value for Socket Mode, or set "
                "SLACK_SIGNING_SECRET for HTTP mode, and start again"
            )
        if self.slack_app_token is not None and self.slack_signing_secret is not None:
            raise ValueError(
                "SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: keep the first for "
                "Socket Mode or the second for HTTP mode, and start again"
            )
        return self

    @property
    def admitted(self) -> list[Stranger]:
        return [stranger for stranger in get_args(Stranger) if stranger in _words(self.admit)]

    @property
    def endpoint_url(self) -> str:
        return self.url or f"http://{self.bind}"

    @property
    def identity_keys(self) -> list[str] | None:
        return _words(self.restate_identity_keys) or None

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises SettingsError. An empty variable counts as unset."""
        names = [str(field.alias) for field in cls.model_fields.values()]
        given = {name: environ[name] for name in names if environ.get(name)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise SettingsError(_sentence(error, given)) from None


def current() -> Settings:
    """The settings of this process. Raises SettingsError."""
    return Settings.load(process_environ)


def _sentence(error: ValidationError, given: Mapping[str, str]) -> str:
    first = error.errors()[0]
    problem = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{problem}."
    name = str(first["loc"][0])
    if first["type"] == "missing":
        return f"{name} is not set: give it a value and start again."
    shown = "" if name.endswith(("_TOKEN", "_SECRET")) else f"={given[name]!r}"
    return f"{name}{shown} cannot be used: {problem}."
