"""Owns the bot's settings: the only reader of its environment, checked once at start."""

from collections.abc import Mapping
from os import environ as process_environ
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from agent.endpoint import EndpointError, host_and_port


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one sentence that names the variable."""


def _token(prefix: str, value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(prefix):
        raise ValueError(f"it must start with {prefix}")
    return value


class Settings(BaseModel):
    """Field aliases are the names of the environment variables."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    slack_bot_token: Annotated[SecretStr, Field(alias="SLACK_BOT_TOKEN")]
    slack_app_token: Annotated[SecretStr, Field(alias="SLACK_APP_TOKEN")]
    """App-level token with `connections:write`, for Socket Mode."""
    slack_api_url: Annotated[str, Field(alias="SLACK_API_URL")] = "https://slack.com/api/"

    restate_ingress_url: Annotated[str, Field(alias="RESTATE_INGRESS_URL")] = (
        "http://127.0.0.1:8080"
    )
    restate_admin_url: Annotated[str, Field(alias="RESTATE_ADMIN_URL")] = "http://127.0.0.1:9070"
    restate_auth_token: Annotated[SecretStr | None, Field(alias="RESTATE_AUTH_TOKEN")] = None
    restate_identity_keys: Annotated[str, Field(alias="RESTATE_IDENTITY_KEYS")] = ""
    """Comma separated public keys; empty accepts any caller, so bind to loopback then."""

    bind: Annotated[str, Field(alias="THREADWRIGHT_BOT_BIND")] = "127.0.0.1:9081"
    url: Annotated[str, Field(alias="THREADWRIGHT_BOT_URL")] = ""
    """Where Restate reaches the poster; `http://<bind>` when unset."""

    @field_validator("slack_bot_token")
    @classmethod
    def _bot_token(cls, value: SecretStr) -> SecretStr:
        return _token("xoxb-", value)  # with any other, Bolt cannot tell our own messages apart

    @field_validator("slack_app_token")
    @classmethod
    def _app_token(cls, value: SecretStr) -> SecretStr:
        return _token("xapp-", value)

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

    @field_validator("bind")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        try:
            host_and_port(value, "THREADWRIGHT_BOT_BIND")
        except EndpointError:
            raise ValueError("it must be host:port, for example 127.0.0.1:9081") from None
        return value

    @property
    def endpoint_url(self) -> str:
        return self.url or f"http://{self.bind}"

    @property
    def identity_keys(self) -> list[str] | None:
        keys = [key.strip() for key in self.restate_identity_keys.split(",") if key.strip()]
        return keys or None

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
    name = str(first["loc"][0])
    if first["type"] == "missing":
        return f"{name} is not set: give it a value and start again."
    shown = "" if name.endswith("_TOKEN") else f"={given[name]!r}"
    return f"{name}{shown} cannot be used: {first['msg'].removeprefix('Value error, ')}."
