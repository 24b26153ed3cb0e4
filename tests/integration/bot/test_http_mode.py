"""Slack's requests over HTTP: signed ones are served, all others are turned away, none is lost."""

import asyncio
import hashlib
import hmac
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp

from agent.client import SessionClient
from agent.endpoint import EndpointError
from bot.app import build_app
from bot.http_mode import MOST_BODY_BYTES, HttpDoor
from bot.settings import Settings
from local.restate.server import free_port
from tests.unit.bot import payloads
from tests.unit.bot.servers import (
    BOT,
    FakeIngress,
    FakeSlack,
    running_ingress,
    running_slack,
)

SECRET = "a-signing-secret"
MENTION = payloads.mention(f"<@{BOT}> build a to-do CLI")


def signed(
    body: bytes, *, secret: str = SECRET, at: str | None = None, kind: str = "application/json"
) -> dict[str, str]:
    stamp = at or str(int(time.time()))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256)
    return {
        "content-type": kind,
        "x-slack-request-timestamp": stamp,
        "x-slack-signature": f"v0={digest.hexdigest()}",
    }


class Caller:
    """Slack, as far as it calls us."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        app: AsyncApp,
        bind: str,
        slack: FakeSlack,
        ingress: FakeIngress,
    ) -> None:
        self.app, self.bind, self.slack, self.ingress = app, bind, slack, ingress
        self.door = HttpDoor(app, SECRET, bind)
        self.url = f"http://{bind}"
        self._http = http

    async def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        url = f"{self.url}/slack/events"
        async with self._http.post(url, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.text()

    async def event(self, event: dict[str, Any]) -> int:
        body = json.dumps(event).encode()
        return (await self.post(body, signed(body)))[0]

    async def health(self) -> int:
        async with self._http.get(f"{self.url}/health") as answer:
            return answer.status


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    bind = f"127.0.0.1:{free_port()}"
    async with (
        running_slack() as slack,
        running_ingress() as ingress,
        aiohttp.ClientSession() as http,
    ):
        settings = Settings.load(
            {
                "SLACK_BOT_TOKEN": "xoxb-local-threadwright",
                "SLACK_SIGNING_SECRET": SECRET,
                "SLACK_API_URL": f"{slack.url}/api/",
            }
        )
        sessions = SessionClient(ingress.url)
        caller = Caller(http, build_app(settings, sessions, http), bind, slack, ingress)
        await caller.door.connect()
        yield caller
        await caller.door.close()
        await sessions.aclose()


async def test_a_signed_event_becomes_an_instruction_once(caller: Caller) -> None:
    assert await caller.health() == 200
    for _ in range(2):
        assert await caller.event(MENTION) == 200
    [sent] = caller.ingress.of("Inbox/take")
    assert sent.value["text"] == "build a to-do CLI"


async def test_slack_may_check_the_address(caller: Caller) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c-1", "token": "t"}).encode()
    status, text = await caller.post(body, signed(body))
    assert (status, json.loads(text)) == (200, {"challenge": "c-1"})


async def test_clicks_and_commands_come_as_forms(caller: Caller) -> None:
    form = "application/x-www-form-urlencoded"
    click = payloads.click("task_stop", f"T0LOCAL:C0BUILD:{payloads.TS}")
    body = urlencode({"payload": json.dumps(click)}).encode()
    assert (await caller.post(body, signed(body, kind=form)))[0] == 200
    assert len(caller.ingress.of("Session/stop")) == 1
    body = urlencode(payloads.command("help")).encode()
    status, answer = await caller.post(body, signed(body, kind=form))
    assert status == 200
    assert "I build and change code" in json.loads(answer)["text"]


def wrong(name: str, body: bytes) -> dict[str, str]:
    good = signed(body)
    match name:
        case "another secret":
            return signed(body, secret="another")
        case "stale":
            return signed(body, at=str(int(time.time()) - 600))
        case "from the future":
            return signed(body, at=str(int(time.time()) + 600))
        case "malformed time":
            return signed(body, at="yesterday")
        case "endless time":
            return signed(body, at="9" * 400)
        case "no time":
            del good["x-slack-request-timestamp"]
        case "no signature":
            del good["x-slack-signature"]
        case "signature of letters nobody uses":
            good["x-slack-signature"] = "v0=é"
        case "signature of another body":
            return signed(body + b" ")
    return good


@pytest.mark.parametrize(
    "name",
    [
        "another secret",
        "stale",
        "from the future",
        "malformed time",
        "endless time",
        "no time",
        "no signature",
        "signature of letters nobody uses",
        "signature of another body",
    ],
)
async def test_what_slack_did_not_sign_is_turned_away(
    name: str,
    caller: Caller,
    caplog: pytest.LogCaptureFixture,
) -> None:
    body = json.dumps(MENTION).encode()
    status, text = await caller.post(body, wrong(name, body))
    assert (status, text) == (401, "")
    assert caller.ingress.sends == []
    assert caller.slack.calls == []
    assert "to-do" not in caplog.text


async def test_signed_bytes_that_are_no_payload_are_answered(caller: Caller) -> None:
    for body in (b"", b"{", b"[1]", b"null", b"payload=", b"payload={", b"a=b"):
        assert (await caller.post(body, signed(body)))[0] == 200, body
    assert (await caller.post(b"\xff\xfe", signed(b"\xff\xfe")))[0] == 401


async def test_the_longest_edit_in_any_script_is_taken(caller: Caller) -> None:
    change = payloads.edit(f"<@{BOT}> " + "🙂" * 40_000, before="🙃" * 40_000)
    for part in ("message", "previous_message"):
        said = change["event"][part]
        text = {"type": "text", "text": said["text"]}
        section = {"type": "rich_text_section", "elements": [text]}
        said["blocks"] = [{"type": "rich_text", "elements": [section]}]
    assert await caller.event(change) == 200
    assert len(caller.ingress.of("Inbox/take")) == 1


async def test_a_body_of_any_size_is_not_read_to_its_end(caller: Caller) -> None:
    body = b"x" * (MOST_BODY_BYTES + 1)
    assert (await caller.post(body, signed(body)))[0] == 413
    assert caller.ingress.sends == []


async def test_only_its_own_paths_are_served(caller: Caller) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/", "/slack/install", "/slack/events/"):
            async with http.post(f"{caller.url}{path}", data=b"") as answer:
                assert answer.status == 404


async def test_what_is_not_durable_is_not_acknowledged(caller: Caller) -> None:
    caller.ingress.down = True
    assert await caller.event(MENTION) == 500
    caller.ingress.down = False
    assert await caller.event(MENTION) == 200
    assert len(caller.ingress.of("Inbox/take")) == 1


async def test_while_it_closes_what_runs_is_answered_and_the_rest_told_to_come_again(
    caller: Caller,
) -> None:
    root = payloads.ago(0.5)
    waiting = asyncio.create_task(caller.event(payloads.reply("wait for me", thread_ts=root)))
    async with asyncio.timeout(90):
        while not caller.ingress.calls:
            await asyncio.sleep(0.01)
    closing = asyncio.create_task(caller.door.close())
    async with asyncio.timeout(90):
        while caller.door.connected:
            await asyncio.sleep(0.01)
    assert await caller.health() == 503
    assert await caller.event(MENTION) == 503
    assert await waiting == 200
    await closing
    assert caller.ingress.sends == []


async def test_a_taken_address_is_one_sentence(caller: Caller) -> None:
    bind = caller.bind
    with pytest.raises(EndpointError, match=r"^THREADWRIGHT_SLACK_BIND=.* is not free .*\.$"):
        await HttpDoor(caller.app, SECRET, bind).connect()
