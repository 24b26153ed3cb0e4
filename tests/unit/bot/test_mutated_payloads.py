"""Whatever Slack sends, bent in any way, is answered; and only what a member says to us is work.

Payloads of every kind, from the local workspace's catalogue, are mutated and go through the real
app. An oracle that shares no code with it reads the mutated payload and says whether an instruction
may, or must, come of it.
"""

import asyncio
import copy
import json
import logging
import random
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.client import SessionClient
from agent.protocol import ThreadRef
from bot.app import build_app, dispatch
from bot.settings import Settings
from local.slack.limits import Limits
from local.slack.samples import Sample, samples
from local.slack.server import running_workspace
from tests.unit.bot.servers import (
    BOT,
    TEAM,
    FakeIngress,
    FakeSlack,
    running_ingress,
    running_slack,
)

MANIFEST = Path(__file__).parents[3] / "manifest.yml"
EXAMPLES = 220
BATCH = 50
"""Together more than 10,000 payloads."""
ANSWER_SECONDS = 20.0
"""None hangs. Slack waits three; how long it takes is measured by `make bench`."""
MEMBERS = ("U0ANA", "U0BEN")
WORDS = ("stop", "status", "help", "download", "sessions")

TEXTS = [
    f"<@{BOT}> build a parser",
    f"please <@{BOT}|threadwright>: and tests",
    f"aside: <@{BOT}> after all",
    "aside: between us",
    "<@U0BEN> what do you think?",
    "<!here> look",
    "use click instead",
    "stop",
    f"<@{BOT}> status",
    f"<@{BOT}>",
    f"<@{BOT}X> hello",
    " \u202e\x00\ud83d",
    "<@>" * 30,
    "x" * 5000,
]
SCALARS: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30, "", "x", "é" * 50, "null", "nan", "1e9", "12.5"),
    *([], {}, [None], [[]], {"": {}}, [{"id": 7}], {"id": None}, {"id": "C0BUILD"}),
    *("T0LOCAL", "E0ORG", "C0BUILD", "D0ANA", "G0TRIO", "C0 BAD:1", "1712000000.000100"),
    *(BOT, "U0ANA", "U0BEN", "U0OTTO", "U0NOBODY", "USLACKBOT", "B0BOT", "B0DEPLOY"),
    *("im", "mpim", "channel", "message", "app_mention", "event_callback", "block_actions"),
    *("view_submission", "message_action", "bot_message", "message_changed", "message_deleted"),
    *("tombstone", "file_share", "me_message", "thread_broadcast"),
]
KEYS = ["text", "user", "channel", "channel_type", "subtype", "thread_ts", "bot_id", "ts", "type"]


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands that can be replaced."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*at, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*at, key))


def inside(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def mutate(payload: Any, others: list[Any], rng: random.Random) -> Any:
    """A copy, bent in one to three places; half of the time where it matters."""
    bent = copy.deepcopy(payload)
    for _ in range(rng.randint(1, 3)):
        everywhere = list(paths(bent))
        if not everywhere:
            return bent
        telling = [path for path in everywhere if path[-1] in KEYS and path[0] == "event"]
        path = rng.choice(telling if telling and rng.random() < 0.5 else everywhere)
        holder, key = inside(bent, path[:-1]), path[-1]
        what = rng.randrange(6)
        if what == 0 and isinstance(holder, dict):
            del holder[key]
        elif what == 1:
            other = rng.choice(others)
            holder[key] = copy.deepcopy(inside(other, rng.choice(list(paths(other)))))
        elif what == 2 and isinstance(holder, dict):
            holder[rng.choice(KEYS)] = rng.choice(SCALARS)
        elif what == 3 or key == "text":
            holder[key] = rng.choice(TEXTS)
        else:
            holder[key] = copy.deepcopy(rng.choice(SCALARS))
    return bent


def said_in(payload: Any) -> tuple[dict[str, Any], bool] | None:
    """The message somebody wrote or changed, and whether it was changed; None for all else."""
    event = payload.get("event") if payload.get("type") == "event_callback" else None
    if not isinstance(event, dict) or event.get("type") not in ("message", "app_mention"):
        return None
    if event.get("subtype") != "message_changed":
        return (event, False)
    message = event.get("message")
    if not isinstance(message, dict):
        return None
    place = {key: event.get(key) for key in ("channel", "channel_type")}
    return ({**message, **place}, True)


def may_be_work(message: dict[str, Any], sessions: set[str]) -> bool:
    """An instruction by a member, addressed to us."""
    if message.get("user") not in MEMBERS or message.get("bot_id") or message.get("bot_profile"):
        return False
    if message.get("subtype") not in (None, "file_share", "thread_broadcast", "me_message"):
        return False
    text = str(message["text"]) if isinstance(message.get("text"), str) else ""
    if f"<@{BOT}>" in text or f"<@{BOT}|" in text:
        return True
    if text.lstrip().casefold().startswith("aside:"):
        return False
    channel = str(message.get("channel"))
    if message.get("channel_type") == "im" or channel[:1] == "D":
        return True
    to_others = text.lstrip().startswith(("<@", "<!here", "<!channel", "<!everyone", "<!subteam"))
    is_reply = message.get("thread_ts") != message.get("ts")
    return f"{channel}:{message.get('thread_ts')}" in sessions and is_reply and not to_others


def must_be_work(message: dict[str, Any], sessions: set[str]) -> bool:
    """May be, and everything about it is as Slack writes it, with something to do."""
    if not may_be_work(message, sessions):
        return False
    stamps = [message.get("ts"), message.get("thread_ts") or message.get("ts")]
    if not all(isinstance(s, str) and re.fullmatch(r"\d{10}\.\d{6}", s) for s in stamps):
        return False
    if message.get("channel") not in ("C0BUILD", "C0GENERAL", "C0VAULT", "D0ANA", "G0TRIO"):
        return False
    text = message.get("text")
    if not isinstance(text, str):
        return False
    words = re.sub(r"<[^>]*>|\W", " ", text).split()
    return len(words) > 1 and not (set(words) & set(WORDS))


class Stage:
    """The app between its two servers, the payloads, and what came of each."""

    def __init__(self, listed: list[Sample], slack: FakeSlack, ingress: FakeIngress) -> None:
        self.payloads = [_older(sample.payload) for sample in listed]
        self.ingress = ingress
        self.sessions: set[str] = set()
        for payload in self.payloads:
            event = payload.get("event") or {}
            if event.get("type") == "message" and event.get("thread_ts"):
                self.sessions.add(f"{event['channel']}:{event['thread_ts']}")
        for place in self.sessions:
            channel, root_ts = place.split(":")
            ingress.has_session(ThreadRef(team=TEAM, channel=channel, root_ts=root_ts))
        self.seen = self.taken = 0

    async def one(self, app: Any, payload: Any, rng: random.Random) -> None:
        self.ingress.sends.clear()
        self.ingress.calls.clear()
        began = time.monotonic()
        body, headers, mode = _wrapped(payload, rng)
        answer = await dispatch(app, body, headers, mode)
        assert time.monotonic() - began < ANSWER_SECONDS
        assert answer.status in (200, 500)
        if answer.body and answer.headers.get("content-type") == ["application/json"]:
            json.loads(answer.body)
        self.judge(payload, answer.status)

    def judge(self, payload: Any, status: int) -> None:
        sent, said = self.ingress.of("Inbox/take"), said_in(payload)
        self.seen += 1
        self.taken += len(sent)
        assert len(sent) <= 1
        if said is None:
            assert not sent, "no message, and yet an instruction"
            return
        message, changed = said
        assert status == 200, "a message that Slack would repeat for nothing"
        if sent:
            assert may_be_work(message, self.sessions), "not for us, and yet an instruction"
            assert sent[0].value["author"]["user_id"] == message["user"]
            assert sent[0].value["ts"] == message["ts"]
        elif not changed and _is_plainly_ours(payload):
            assert not must_be_work(message, self.sessions), "for us, and lost"


def _is_plainly_ours(payload: Any) -> bool:
    """Around the message all is as Slack writes it: for this install, and not by ourselves."""
    listed = payload.get("authorizations")
    given = listed[0] if listed and isinstance(listed, list) else None
    return (
        isinstance(given, dict)
        and given.get("team_id") == TEAM
        and not given.get("is_enterprise_install")
        and not {"user", "team", "channel", "enterprise", "view"} & payload.keys()
        and payload["event"].get("user") != BOT
    )


def _older(payload: Any) -> Any:
    """Some days older: nobody waits for the beginning of a thread that old."""
    text = re.sub(
        r"\b(1\d{9})(\.\d{6})\b", lambda m: f"{int(m[1]) - 300_000}{m[2]}", json.dumps(payload)
    )
    return json.loads(text)


def _wrapped(payload: Any, rng: random.Random) -> tuple[Any, dict[str, str], Any]:
    """As it comes over the socket; or, one in ten, as the body of a request."""
    if rng.randrange(10):
        return payload, {"x-slack-retry-num": rng.choice(["0", "1", "x"])}, "socket_mode"
    if "command" in payload:
        fields = {key: value for key, value in payload.items() if isinstance(value, str)}
        if fields == payload:
            return urlencode(fields, errors="replace"), {}, "http"
    if payload.get("type") == "event_callback":
        return json.dumps(payload), {"content-type": "application/json"}, "http"
    return urlencode({"payload": json.dumps(payload)}), {}, "http"


async def _catalogue() -> list[Sample]:
    async with running_workspace(manifest=MANIFEST, limits=Limits()) as workspace:
        return samples(workspace)


@pytest.fixture
def _quiet() -> Iterator[None]:
    """Thousands of lines on what cannot be read would be most of the time."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("_quiet")
def test_ten_thousand_bent_payloads_are_answered_and_only_instructions_become_work() -> None:
    with asyncio.Runner() as runner:
        listed = runner.run(_catalogue())
        stage, app, ends = runner.run(_open(listed))

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.integers(min_value=0, max_value=2**32))
        def bend(seed: int) -> None:
            rng = random.Random(seed)
            for _ in range(BATCH):
                payload = mutate(rng.choice(stage.payloads), stage.payloads, rng)
                try:
                    runner.run(stage.one(app, payload, rng))
                except AssertionError as error:
                    raise AssertionError(f"{error}: {json.dumps(payload)}") from error

        try:
            bend()
        finally:
            runner.run(ends())
    assert stage.seen >= 10_000
    assert stage.taken > 200, "the mutations hardly ever make an instruction: they prove nothing"


async def _open(listed: list[Sample]) -> tuple[Stage, Any, Any]:
    stack = AsyncExitStack()
    slack = await stack.enter_async_context(running_slack())
    ingress = await stack.enter_async_context(running_ingress())
    http = await stack.enter_async_context(aiohttp.ClientSession())
    sessions = SessionClient(ingress.url)
    stack.push_async_callback(sessions.aclose)
    loaded = Settings.load(
        {
            "SLACK_BOT_TOKEN": "xoxb-local-threadwright",
            "SLACK_APP_TOKEN": "xapp-local-threadwright",
            "SLACK_API_URL": f"{slack.url}/api/",
        }
    )
    return Stage(listed, slack, ingress), build_app(loaded, sessions, http), stack.aclose


def test_the_catalogue_untouched_is_answered_without_a_fault() -> None:
    """And the oracle knows an instruction: some of the catalogue must be work."""
    with asyncio.Runner() as runner:
        listed = runner.run(_catalogue())
        stage, app, ends = runner.run(_open(listed))
        try:
            for payload in stage.payloads:
                runner.run(stage.one(app, payload, random.Random(1)))
        finally:
            runner.run(ends())
    assert stage.taken >= 4
