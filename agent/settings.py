"""Owns the agent's settings: the only reader of its environment, checked once at start."""

from collections.abc import Mapping
from functools import cache
from os import environ as process_environ
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one sentence that names the variable."""


class Settings(BaseModel):
    """Field aliases are the names of the environment variables."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    openai_api_key: Annotated[SecretStr, Field(alias="OPENAI_API_KEY")]
    openai_base_url: Annotated[str | None, Field(alias="OPENAI_BASE_URL")] = None
    llm_api: Annotated[Literal["responses", "chat"] | None, Field(alias="LLM_API")] = None
    """Unset: `responses` for OpenAI itself, `chat` for any other base URL."""
    llm_model: Annotated[str, Field(alias="LLM_MODEL", min_length=1)] = "gpt-6.1-sol"
    llm_model_plan: Annotated[str | None, Field(alias="LLM_MODEL_PLAN")] = None
    """Model for planning; `LLM_MODEL` when unset."""
    llm_effort: Annotated[
        Literal["minimal", "low", "medium", "high", "xhigh"] | None, Field(alias="LLM_EFFORT")
    ] = None
    """Reasoning effort; the model's own default when unset."""

    restate_admin_url: Annotated[str, Field(alias="RESTATE_ADMIN_URL")] = "http://127.0.0.1:9070"
    restate_auth_token: Annotated[SecretStr | None, Field(alias="RESTATE_AUTH_TOKEN")] = None
    restate_identity_keys: Annotated[str, Field(alias="RESTATE_IDENTITY_KEYS")] = ""
    """Comma separated public keys; empty accepts any caller, so bind to loopback then."""

    bind: Annotated[str, Field(alias="THREADWRIGHT_AGENT_BIND")] = "127.0.0.1:9080"
    url: Annotated[str | None, Field(alias="THREADWRIGHT_AGENT_URL")] = None
    """Where Restate reaches this endpoint; `http://<bind>` when unset."""
    approvers: Annotated[str, Field(alias="THREADWRIGHT_APPROVERS")] = ""
    """Comma separated Slack user ids that may answer approvals besides the requester."""
    approval_seconds: Annotated[
        int, Field(alias="THREADWRIGHT_APPROVAL_SECONDS", ge=1, le=30 * 86_400)
    ] = 3 * 86_400
    step_turns: Annotated[int, Field(alias="THREADWRIGHT_STEP_TURNS", ge=1, le=500)] = 40
    step_seconds: Annotated[int, Field(alias="THREADWRIGHT_STEP_SECONDS", ge=10)] = 1200
    policy_file: Annotated[Path | None, Field(alias="THREADWRIGHT_POLICY_FILE")] = None
    """Rules of our own instead of the default policy."""

    @field_validator("openai_base_url", "restate_admin_url", "url")
    @classmethod
    def _must_be_http(cls, value: str | None) -> str | None:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must be an http:// or https:// URL")
        return value or None

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises SettingsError. An empty variable counts as unset."""
        names = [str(field.alias) for field in cls.model_fields.values()]
        given = {name: environ[name] for name in names if environ.get(name)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            if first["type"] == "missing":
                raise SettingsError(
                    f"{name} is not set: give it a value and start again."
                ) from None
            reason = first["msg"].removeprefix("Value error, ")
            shown = "" if "KEY" in name or "TOKEN" in name else f"={given[name]!r}"
            raise SettingsError(f"{name}{shown} cannot be used: {reason}.") from None

    @property
    def endpoint_url(self) -> str:
        return self.url or f"http://{self.bind}"

    @property
    def approver_ids(self) -> list[str]:
        return [part.strip() for part in self.approvers.split(",") if part.strip()]


@cache
def current() -> Settings:
    """The settings of this process. Raises SettingsError."""
    return Settings.load(process_environ)
