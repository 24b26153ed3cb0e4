"""Owns the agent's settings: the only reader of its environment, checked once at start."""

from collections.abc import Mapping
from functools import cache
from os import environ as process_environ
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from agent import protocol as p
from agent.llm import OUTPUT_TOKENS, default_api


class SettingsError(Exception):
    """A setting is missing or wrong; the message is one sentence that names the variable."""


class Settings(BaseModel):
    """Field aliases are the names of the environment variables."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    openai_api_key: Annotated[SecretStr, Field(alias="OPENAI_API_KEY")]
    openai_base_url: Annotated[str | None, Field(alias="OPENAI_BASE_URL")] = None
    llm_api: Annotated[Literal["responses", "chat"] | None, Field(alias="LLM_API")] = None
    """Unset: `responses` for OpenAI itself and Azure, `chat` for any other base URL."""
    llm_model: Annotated[str, Field(alias="LLM_MODEL", min_length=1)] = "gpt-6.1-sol"
    llm_model_plan: Annotated[str | None, Field(alias="LLM_MODEL_PLAN")] = None
    """Model for planning; `LLM_MODEL` when unset."""
    llm_model_summary: Annotated[str | None, Field(alias="LLM_MODEL_SUMMARY")] = None
    """Model that summarises finished work and long histories; `LLM_MODEL` when unset."""
    llm_model_cheap: Annotated[str | None, Field(alias="LLM_MODEL_CHEAP")] = None
    """Offered to go on with when a budget is used up; not offered when unset."""
    llm_window_tokens: Annotated[int, Field(alias="LLM_WINDOW_TOKENS", ge=8000)] = 200_000
    """What a conversation may grow to before it is compacted, however large the model's window."""
    llm_background: Annotated[bool, Field(alias="LLM_BACKGROUND")] = False
    """Answers are made in the background and asked for: for models that reason longer than one
    request may last. The provider stores them meanwhile."""
    llm_idle_seconds: Annotated[float, Field(alias="LLM_IDLE_SECONDS", ge=1, le=3600)] = 120
    """Longest silence within an answer; slow local models need more before their first word."""
    llm_parallel: Annotated[bool, Field(alias="LLM_PARALLEL")] = True
    """Several tool calls in one answer; off for servers that garble them."""
    llm_concurrency: Annotated[int | None, Field(alias="LLM_CONCURRENCY", ge=1)] = None
    """Most calls of all sessions at once, per model; no bound when unset."""
    llm_calls_per_minute: Annotated[int | None, Field(alias="LLM_CALLS_PER_MINUTE", ge=1)] = None
    llm_tokens_per_minute: Annotated[int | None, Field(alias="LLM_TOKENS_PER_MINUTE", ge=1000)] = (
        None
    )
    prices_file: Annotated[Path | None, Field(alias="THREADWRIGHT_PRICES_FILE")] = None
    """Prices of models in place of the known ones."""
    assumed_usd_per_mtok: Annotated[
        float, Field(alias="THREADWRIGHT_ASSUMED_USD_PER_MTOK", ge=0, allow_inf_nan=False)
    ] = 10.0
    """What budgets count for a million tokens of a model whose price is not known."""
    more_usd: Annotated[
        float, Field(alias="THREADWRIGHT_BUDGET_MORE_USD", ge=0.01, allow_inf_nan=False)
    ] = 2.0
    """What one click adds to a budget that was reached; at most half of that budget."""
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
    budget_thread_usd: Annotated[
        float | None, Field(alias="THREADWRIGHT_BUDGET_THREAD_USD", gt=0)
    ] = None
    """Most that all tasks of one thread may cost."""
    budget_channel_usd: Annotated[
        float | None, Field(alias="THREADWRIGHT_BUDGET_CHANNEL_USD", gt=0)
    ] = None
    """Most that the tasks of one channel may cost in one day (UTC)."""
    budget_day_usd: Annotated[float | None, Field(alias="THREADWRIGHT_BUDGET_DAY_USD", gt=0)] = None
    """Most that all tasks of a workspace may cost in one day (UTC)."""
    plan_first: Annotated[bool, Field(alias="THREADWRIGHT_PLAN_FIRST")] = False
    """People approve each plan before work begins."""
    github_token: Annotated[SecretStr | None, Field(alias="GITHUB_TOKEN")] = None
    """Reads private repositories, pushes branches and opens pull requests; stays in this
    process."""
    github_api_url: Annotated[str, Field(alias="GITHUB_API_URL")] = "https://api.github.com"
    github_url: Annotated[str, Field(alias="GITHUB_URL")] = "https://github.com"
    """Where repositories are fetched from and pushed to."""
    repository_mb: Annotated[int, Field(alias="THREADWRIGHT_REPOSITORY_MB", ge=1, le=4096)] = 500
    """Largest repository that is taken."""
    commit_email: Annotated[
        str, Field(alias="THREADWRIGHT_COMMIT_EMAIL", pattern=r"^[^\s<>@]+@[A-Za-z0-9.-]+$")
    ] = "threadwright@users.noreply.threadwright.invalid"
    """Author of our commits; its host also stands behind the ids of people who asked for them."""
    secrets: Annotated[SecretStr | None, Field(alias="THREADWRIGHT_SECRETS")] = None
    """Comma separated values that must never be shown, beside the secrets among our settings."""
    slack_bot_token: Annotated[SecretStr | None, Field(alias="SLACK_BOT_TOKEN")] = None
    """Of the bot, like the two below; where both share an environment, ours must not show them."""
    slack_app_token: Annotated[SecretStr | None, Field(alias="SLACK_APP_TOKEN")] = None
    slack_signing_secret: Annotated[SecretStr | None, Field(alias="SLACK_SIGNING_SECRET")] = None
    reminder_seconds: Annotated[int, Field(alias="THREADWRIGHT_REMINDER_SECONDS", ge=0)] = 4 * 3600
    """An open approval is brought up once after this long; 0 for never."""
    settle_seconds: Annotated[float, Field(alias="THREADWRIGHT_SETTLE_SECONDS", ge=0, le=30)] = 1.0
    """After an interrupt: messages that follow within this time become one new plan."""
    approval_seconds: Annotated[
        int, Field(alias="THREADWRIGHT_APPROVAL_SECONDS", ge=1, le=30 * 86_400)
    ] = 3 * 86_400
    step_turns: Annotated[int, Field(alias="THREADWRIGHT_STEP_TURNS", ge=1, le=500)] = 40
    step_seconds: Annotated[int, Field(alias="THREADWRIGHT_STEP_SECONDS", ge=10)] = 1200
    step_calls: Annotated[int, Field(alias="THREADWRIGHT_STEP_CALLS", ge=1, le=1000)] = 60
    """Most tool calls of one step."""
    preview_minutes: Annotated[
        float, Field(alias="THREADWRIGHT_PREVIEW_MINUTES", gt=0, le=1440)
    ] = 60.0
    """A preview ends after this long, with its server."""
    step_tokens: Annotated[int, Field(alias="THREADWRIGHT_STEP_TOKENS", ge=1000)] = 4_000_000
    """Most tokens that the model reads and writes in one step, cached ones included."""
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

    @field_validator(
        "openai_base_url", "restate_admin_url", "url", "public_url", "github_api_url", "github_url"
    )
    @classmethod
    def _must_be_http(cls, value: str | None) -> str | None:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError("must be an http:// or https:// URL")
        return value or None

    @field_validator("github_api_url", "github_url")
    @classmethod
    def _must_be_private(cls, value: str) -> str:
        url = urlsplit(value)
        if url.scheme == "http" and url.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("the token is only sent by https://, or http:// to this machine")
        return value.rstrip("/")

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
            return cls._checked(cls.model_validate(given))
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

    @classmethod
    def _checked(cls, now: "Settings") -> "Settings":
        if now.llm_background and now.api != "responses":
            raise SettingsError(
                "LLM_BACKGROUND needs the Responses API: set LLM_API=responses if the server has "
                "it, or unset LLM_BACKGROUND."
            )
        return now

    @property
    def endpoint_url(self) -> str:
        return self.url or f"http://{self.bind}"

    @property
    def api(self) -> Literal["responses", "chat"]:
        return self.llm_api or default_api(self.openai_base_url)

    @property
    def output_tokens(self) -> int:
        """Most of one answer: it must fit the window beside what it answers."""
        return min(OUTPUT_TOKENS, self.llm_window_tokens // 4)

    @property
    def models_in_use(self) -> list[str]:
        """Each model that some role or person may choose, once."""
        roles = (self.llm_model_plan, self.llm_model_summary, self.llm_model_cheap)
        return list(dict.fromkeys([*self.models, *filter(None, roles)]))

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


def without_model() -> Settings:
    """For a program that calls no model. Raises SettingsError."""
    return Settings.load({"OPENAI_API_KEY": "none", **process_environ})


INHERITED = (
    "PATH",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
)
"""How this machine reaches others; a program that we start gets these and no more."""


def inherited() -> dict[str, str]:
    return {name: process_environ[name] for name in INHERITED if name in process_environ}
