"""Owns HTTP mode: signed requests to the app's own address, and what its answers mean."""

import asyncio
import json
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from pydantic import BaseModel, ConfigDict

from local.slack import seed
from local.slack.errors import Refused
from local.slack.manifest import Manifest
from local.slack.signing import Forgery, signed_headers
from local.slack.state import Json
from local.slack.transport import Delivery, Drops, NotAcknowledged

_DEFAULT_PATH = "/slack/events"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HttpSpec(BaseModel):
    """Where the app listens, as `POST /local/http` sets it.

    A path that is not given is that of the manifest's address, else `/slack/events`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    """`http://127.0.0.1:3000`; loopback only."""

    events_path: str | None = None
    interactivity_path: str | None = None
    commands_path: str | None = None
    options_path: str | None = None


@dataclass(frozen=True)
class Addresses:
    events: str
    interactivity: str
    commands: dict[str, str]
    """By command."""

    options: str

    def of(self, delivery: Delivery) -> str:
        if delivery.type == "events_api":
            return self.events
        if delivery.type == "slash_commands":
            return self.commands[delivery.payload["command"]]
        return self.options if delivery.kind == "block_suggestion" else self.interactivity


def addresses(manifest: Manifest, spec: HttpSpec) -> Addresses:
    """Raises Refused when the app is in Socket Mode, or not on this machine."""
    if manifest.settings.socket_mode_enabled:
        raise Refused(
            "Slack sends nothing over HTTP in Socket Mode: the manifest needs "
            "settings.socket_mode_enabled: false."
        )
    parts = urlsplit(spec.url)
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
        raise Refused(f"{spec.url!r} is no http address of this machine.")
    base = f"http://{parts.netloc}"
    interactivity = manifest.settings.interactivity
    events_url = manifest.settings.event_subscriptions.request_url

    def at(given: str | None, declared: str | None) -> str:
        return base + (given or (urlsplit(declared).path if declared else "") or _DEFAULT_PATH)

    return Addresses(
        events=at(spec.events_path, events_url),
        interactivity=at(spec.interactivity_path, interactivity.request_url),
        commands={one.command: at(spec.commands_path, one.url) for one in manifest.commands},
        options=at(spec.options_path, interactivity.message_menu_options_url),
    )


class HttpTransport:
    """Requests to the app; see `Transport`."""

    def __init__(self, where: Addresses) -> None:
        self._where = where
        self._http = aiohttp.ClientSession()

    @property
    def ready(self) -> bool:
        return True

    async def until_ready(self) -> None:
        """Slack does not know whether the app is there: a failure is a try."""

    async def deliver(self, delivery: Delivery, drops: Drops, seconds: float) -> Json | None:
        url, body, headers = request_for(self._where, delivery)
        try:
            async with asyncio.timeout(seconds):
                status, answer_headers, answer = await self.post(url, body, headers)
                if drops():
                    await asyncio.sleep(seconds)
        except TimeoutError:
            raise NotAcknowledged("http_timeout") from None
        except aiohttp.ClientError:
            raise NotAcknowledged("connection_failed", detail="cannot be reached") from None
        if not 200 <= status < 300:
            final = answer_headers.get("x-slack-no-retry") == "1"
            detail = f"answered with the HTTP status {status}"
            raise NotAcknowledged("http_error", final=final, detail=detail)
        return None if delivery.type == "events_api" else _read_answer(delivery, answer)

    async def post(
        self, url: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers in lower case, and text of the answer. Redirects are not followed."""
        async with self._http.post(
            url, data=body, headers=headers, allow_redirects=False
        ) as response:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            return response.status, lowered, await response.text()

    async def verify(self, seconds: float) -> None:
        """Slack's challenge to the address of events. Raises Refused when it is not met."""
        challenge = secrets.token_urlsafe(24)
        body = json.dumps(url_verification(challenge)).encode()
        headers = {"content-type": "application/json", **signed_headers(body)}
        try:
            async with asyncio.timeout(seconds):
                status, _, answer = await self.post(self._where.events, body, headers)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise Refused(f"{self._where.events} did not answer the challenge.") from error
        if status != 200 or challenge not in _challenges(answer):
            raise Refused(
                f"{self._where.events} answered {status} without the value of the challenge."
            )

    async def forge(
        self, delivery: Delivery, forgery: Forgery | None, times: int
    ) -> list[tuple[int, str]]:
        """Status and text of the answers to the very same request, sent so often; for tests."""
        url, body, headers = request_for(self._where, delivery, forgery)
        answers = []
        for _ in range(times):
            status, _, text = await self.post(url, body, headers)
            answers.append((status, text))
        return answers

    async def close(self) -> None:
        await self._http.close()


def url_verification(challenge: str) -> Json:
    return {
        "token": seed.VERIFICATION_TOKEN,
        "challenge": challenge,
        "type": "url_verification",
    }


def request_for(
    where: Addresses, delivery: Delivery, forgery: Forgery | None = None
) -> tuple[str, bytes, dict[str, str]]:
    """Address, body and headers: JSON for events, a form for everything else."""
    if delivery.type == "events_api":
        content_type, body = "application/json", json.dumps(delivery.payload).encode()
    elif delivery.type == "slash_commands":
        content_type, body = _FORM, urlencode(delivery.payload).encode()
    else:
        content_type, body = _FORM, urlencode({"payload": json.dumps(delivery.payload)}).encode()
    headers = {"content-type": content_type, **signed_headers(body, forgery)}
    if delivery.attempt:
        headers["x-slack-retry-num"] = str(delivery.attempt)
        headers["x-slack-retry-reason"] = delivery.reason
    return where.of(delivery), body, headers


_FORM = "application/x-www-form-urlencoded"


def _read_answer(delivery: Delivery, answer: str) -> Json | None:
    """A command may be answered with plain text; everything else that is said is JSON."""
    if not answer.strip():
        return None
    try:
        value = json.loads(answer)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    if delivery.type == "slash_commands":
        return {"text": answer}
    if delivery.kind in ("view_submission", "block_suggestion"):
        raise NotAcknowledged("http_error", detail="answered with something that is not JSON")
    return None


def _challenges(answer: str) -> list[str]:
    """The value as text, as a form, or as JSON: Slack takes all three."""
    try:
        value = json.loads(answer)
    except ValueError:
        return [answer.strip(), *parse_qs(answer).get("challenge", [])]
    return [str(value.get("challenge"))] if isinstance(value, dict) else []
