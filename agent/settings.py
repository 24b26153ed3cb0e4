"""Owns the agent's settings: the only reader of its environment, checked once at start."""

from collections.abc import Mapping
from functools import cache
from os import environ as process_environ
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from agent import protocol as p


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

    llm_images: Annotated[Literal["auto", "on", "off"], Field(alias="LLM_IMAGES")] = "auto"
    """Whether the model is shown images; auto: on the Responses API, where all models see."""
    llm_models: Annotated[str, Field(alias="LLM_MODELS")] = ""
    """Comma separated models that people may choose; only `LLM_MODEL` when empty."""

    restate_admin_url: Annotated[str, Field(alias="RESTATE_ADMIN_URL")] = "http://127.0.0.1:9070"
    restate_auth_token: Annotated[SecretStr | None, Field(alias="RESTATE_AUTH_TOKEN")] = None
    restate_identity_keys: Annotated[str, Field(alias="RESTATE_IDENTITY_KEYS")] = ""
    """Comma separated public keys; empty accepts any caller, so bind to loopback then."""

    bind: Annotated[str, Field(alias="THREADWRIGHT_AGENT_BIND")] = "127.0.0.1:9080"
    url: Annotated[str | None, Field(alias="THREADWRIGHT_AGENT_URL")] = None
    """Where Restate reaches this endpoint; `http://<bind>` when unset."""
    approvers: Annotated[str, Field(alias="THREADWRIGHT_APPROVERS")] = ""
    """Comma separated Slack ids of users and user groups that may answer approvals besides the
    requester."""
    approvals: Annotated[p.ApprovalPreset, Field(alias="THREADWRIGHT_APPROVALS")] = "default"
    """How much needs a person where nobody chose; people may choose stricter, not looser."""
    budget_usd: Annotated[float | None, Field(alias="THREADWRIGHT_BUDGET_USD", gt=0)] = None
    """Most that one task may cost; no bound when unset."""
    reminder_seconds: Annotated[int, Field(alias="THREADWRIGHT_REMINDER_SECONDS", ge=0)] = 4 * 3600
    """An open approval is brought up once after this long; 0 for never."""
    settle_seconds: Annotated[float, Field(alias="THREADWRIGHT_SETTLE_SECONDS", ge=0, le=30)] = 1.0
    """After an interrupt: messages that follow within this time become one new plan."""
    approval_seconds: Annotated[
        int, Field(alias="THREADWRIGHT_APPROVAL_SECONDS", ge=1, le=30 * 86_400)
    ] = 3 * 86_400
    step_turns: Annotated[int, Field(alias="THREADWRIGHT_STEP_TURNS", ge=1, le=500)] = 40
    step_seconds: Annotated[int, Field(alias="THREADWRIGHT_STEP_SECONDS", ge=10)] = 1200
    attachment_mb: Annotated[int, Field(alias="THREADWRIGHT_ATTACHMENT_MB", ge=1, le=1024)] = 50
    """Largest attached file that is taken; the bot reads the same variable."""
    download_mb: Annotated[int, Field(alias="THREADWRIGHT_DOWNLOAD_MB", ge=1, le=1024)] = 500
    """Largest project that is handed over; Slack takes files up to 1 GB."""
    public_url: Annotated[str | None, Field(alias="THREADWRIGHT_PUBLIC_URL")] = None
    """Where people reach this endpoint: a project that Slack does not take is handed over by a
    link below it; unset: not at all."""
    link_secret: Annotated[
        SecretStr | None, Field(alias="THREADWRIGHT_LINK_SECRET", min_length=16)
    ] = None
    """Signs those links; required with `THREADWRIGHT_PUBLIC_URL`."""
    policy_file: Annotated[Path | None, Field(alias="THREADWRIGHT_POLICY_FILE")] = None
    """Rules of our own instead of the default policy."""

    @field_validator("openai_base_url", "restate_admin_url", "url", "public_url")
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
        if given.get("THREADWRIGHT_PUBLIC_URL") and not given.get("THREADWRIGHT_LINK_SECRET"):
            raise SettingsError(
                "THREADWRIGHT_LINK_SECRET is not set: THREADWRIGHT_PUBLIC_URL needs it; give it "
                "at least 16 random characters and start again."
            )
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
            secret = any(word in name for word in ("KEY", "TOKEN", "SECRET"))
            shown = "" if secret else f"={given[name]!r}"
            raise SettingsError(f"{name}{shown} cannot be used: {reason}.") from None

    @property
    def endpoint_url(self) -> str:
        return self.url or f"http://{self.bind}"

    @property
    def api(self) -> Literal["responses", "chat"]:
        return self.llm_api or ("chat" if self.openai_base_url else "responses")

    @property
    def shows_images(self) -> bool:
        on_by_itself = self.llm_images == "auto" and self.api == "responses"
        return self.llm_images == "on" or on_by_itself

    @property
    def models(self) -> list[str]:
        listed = [part.strip() for part in self.llm_models.split(",") if part.strip()]
        return list(dict.fromkeys([self.llm_model, *listed]))

    @property
    def approver_ids(self) -> list[str]:
        return [part.strip() for part in self.approvers.split(",") if part.strip()]


@cache
def current() -> Settings:
    """The settings of this process. Raises SettingsError."""
    return Settings.load(process_environ)
