"""`python -m bot` as a process of its own: ready, killed, restarted, ended, refused."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent import settings
from agent.inbox import inbox
from agent.ledger import ledger
from bot.manifest import manifest
from local.restate.server import free_port
from local.slack.client import PeopleClient
from local.slack.faults import Fault
from local.slack.limits import Limits
from local.slack.server import running_workspace
from local.slack.workspace import Workspace
from tests.fakes.restate import Engine
from tests.integration.bot.conftest import CHANNEL, MANIFEST, TEAM, until
from tests.serving import serving

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def settings_of_an_agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Messages are taken in without the secrets that the settings hold."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    settings.current.cache_clear()
    yield
    settings.current.cache_clear()


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    """Slack with little patience, so that a delivery that was not taken comes again soon."""
    impatient = Limits(ack_seconds=2.5, retry_delays=(0.2, 5.0, 20.0))
    async with running_workspace(manifest=MANIFEST, limits=impatient) as running:
        yield running


@pytest.fixture
async def people(slack: Workspace) -> AsyncIterator[PeopleClient]:
    async with PeopleClient(slack.base_url) as client:
        yield client


@dataclass
class Bot:
    environ: dict[str, str]
    port: int
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            cwd=ROOT,
            env=self.environ,
            stderr=asyncio.subprocess.PIPE,
        )

    async def health(self) -> int:
        """Status of `/health`; 0 while nobody listens. Fails when the process has ended."""
        assert self.process is not None
        if self.process.returncode is not None:
            status, errors = await self.ended()
            raise AssertionError(f"the bot ended with status {status}: {errors}")
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"http://127.0.0.1:{self.port}/health") as response,
            ):
                return response.status
        except aiohttp.ClientError:
            return 0

    async def ready(self) -> None:
        await until(self.health, lambda status: status == 200)

    async def end(self, how: signal.Signals) -> tuple[int, str]:
        """Exit status and what it wrote."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.ended()

    async def ended(self) -> tuple[int, str]:
        assert self.process is not None
        async with asyncio.timeout(90):
            _, errors = await self.process.communicate()
        return self.process.returncode or 0, errors.decode()


@asynccontextmanager
async def bot_for(engine: Engine, api_url: str, **more: str) -> AsyncIterator[Bot]:
    port = free_port()
    environ = {
        **{key: value for key, value in os.environ.items() if key in ("PATH", "HOME")},
        "SLACK_BOT_TOKEN": "xoxb-local-threadwright",
        "SLACK_APP_TOKEN": "xapp-local-threadwright",
        "SLACK_API_URL": api_url,
        "RESTATE_INGRESS_URL": engine.server.ingress_url,
        "RESTATE_ADMIN_URL": engine.server.admin_url,
        "THREADWRIGHT_BOT_BIND": f"127.0.0.1:{port}",
    }
    bot = Bot(environ | more, port)
    try:
        yield bot
    finally:
        if bot.process is not None and bot.process.returncode is None:
            await bot.end(signal.SIGKILL)


class Sessions:
    """The agent's `Session`, as far as the bot speaks to it."""

    def __init__(self) -> None:
        self.messages: list[p.UserMessage] = []
        self.service = VirtualObject(p.SESSION)

        @self.service.handler("on_message")
        async def on_message(ctx: ObjectContext, message: p.UserMessage) -> p.Nothing:
            self.messages.append(message)
            return p.Nothing()

        @self.service.handler("read", kind="shared")
        async def read(ctx: ObjectSharedContext, _: p.Nothing) -> p.SessionView:
            return p.SessionView()

    async def seen(self) -> list[str]:
        return [message.text for message in self.messages]


async def test_a_message_travels_from_the_socket_to_the_session_once(
    engine: Engine, slack: Workspace, people: PeopleClient
) -> None:
    sessions = Sessions()
    async with (
        engine.serve([inbox, ledger, sessions.service]),
        bot_for(engine, slack.api_url) as bot,
    ):
        await bot.start()
        await bot.ready()
        await people.person("U0ANA").post(CHANNEL, "@threadwright build a to-do CLI")
        await until(sessions.seen, lambda seen: seen == ["build a to-do CLI"])
        await until(people.unacked, lambda unacked: unacked == 0)
        assert sessions.messages[0].author == p.Person(user_id="U0ANA", name="Ana")
        assert await sessions.seen() == ["build a to-do CLI"]


async def test_what_the_engine_could_not_take_is_delivered_again(
    engine: Engine, slack: Workspace, people: PeopleClient
) -> None:
    sessions = Sessions()
    async with bot_for(engine, slack.api_url) as bot:
        await bot.start()
        await bot.ready()
        await people.person("U0ANA").post(
            CHANNEL, "@threadwright build it"
        )  # nobody serves Session
        async with engine.serve([inbox, ledger, sessions.service]):
            await until(sessions.seen, lambda seen: seen == ["build it"])
            await until(people.unacked, lambda unacked: unacked == 0)
        assert await sessions.seen() == ["build it"]


async def test_over_http_a_message_travels_the_same_way(engine: Engine, tmp_path: Path) -> None:
    """With the manifest that `python -m bot manifest --url` prints."""
    manifest_path = tmp_path / "manifest.yml"
    manifest_path.write_text(manifest("https://bot.example.com"))
    sessions, bind = Sessions(), f"127.0.0.1:{free_port()}"
    http_mode = {
        "SLACK_APP_TOKEN": "",
        "SLACK_SIGNING_SECRET": "local-signing-secret",
        "THREADWRIGHT_SLACK_BIND": bind,
    }
    async with (
        running_workspace(manifest=manifest_path) as slack,
        PeopleClient(slack.base_url) as people,
        engine.serve([inbox, ledger, sessions.service]),
        bot_for(engine, slack.api_url, **http_mode) as bot,
    ):
        await bot.start()
        await bot.ready()
        await people.use_http(f"http://{bind}")
        await people.person("U0ANA").post(CHANNEL, "@threadwright build a to-do CLI")
        await until(sessions.seen, lambda seen: seen == ["build a to-do CLI"])
        await until(people.unacked, lambda unacked: unacked == 0)
        status, errors = await bot.end(signal.SIGTERM)
        assert status == 0
        assert "Traceback" not in errors
        assert "Unclosed" not in errors
        assert "to-do" not in errors


async def test_where_the_app_was_removed_it_is_not_ready_until_it_comes_back(
    engine: Engine, slack: Workspace, people: PeopleClient
) -> None:
    async with bot_for(engine, slack.api_url) as bot:
        await bot.start()
        await bot.ready()
        left = {"type": "app_uninstalled"}
        callback = {"type": "event_callback", "team_id": TEAM, "event_id": "Ev1", "event": left}
        await people.deliver("events_api", callback)
        await until(bot.health, lambda status: status == 503)
        _, errors = await bot.end(signal.SIGTERM)
        said = {line for line in errors.splitlines() if line.startswith("ERROR")}
        assert len(said) == 1, errors  # the same again when Slack delivers it again
        assert f"Slack took our access to {TEAM} away (app_uninstalled)" in said.pop()
        await bot.start()
        await bot.ready()


async def test_sigterm_ends_the_process_at_once_and_in_order(
    engine: Engine, slack: Workspace, people: PeopleClient
) -> None:
    async with bot_for(engine, slack.api_url) as bot:
        await bot.start()
        await bot.ready()
        before = time.monotonic()
        status, errors = await bot.end(signal.SIGTERM)
        assert time.monotonic() - before < 20
        assert status == 0
        assert "Traceback" not in errors
        assert "Unclosed" not in errors
        await until(people.connections, lambda connections: connections == 0)


async def test_killed_between_slacks_yes_and_our_note_of_it_the_post_is_not_repeated(
    engine: Engine, slack: Workspace, people: PeopleClient
) -> None:
    """A real kill -9 while Slack's answer to the post is on its way."""
    root = await people.person("U0ANA").post(CHANNEL, "a thread")
    thread = p.ThreadRef(team=TEAM, channel=CHANNEL, root_ts=root)
    async with _Interposer(slack.api_url).served() as door, bot_for(engine, door.url) as bot:
        await bot.start()
        await bot.ready()
        door.victim = bot
        event = p.ThreadEvent(thread=thread, slot="note:1", rev=1, body=p.NoteBody(text="Once."))
        await engine.client.show(event)
        await bot.ended()
        await bot.start()
        await bot.ready()
        later = event.model_copy(update={"slot": "note:2", "body": p.NoteBody(text="Later.")})
        await engine.client.show(later)

        async def texts() -> list[str]:
            shown = await people.person("U0BEN").messages(CHANNEL, root)
            return [message["text"] for message in shown[1:]]

        await until(texts, lambda shown: "Later." in shown)
        assert await texts() == ["Once.", "Later."]


class _Interposer:
    """Stands before Slack's Web API; kills the bot once Slack has taken its first post."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.url = ""
        self.victim: Bot | None = None

    @asynccontextmanager
    async def served(self) -> AsyncIterator["_Interposer"]:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._pass_on)
        async with serving(app) as url:
            self.url = f"{url}/api/"
            yield self

    async def _pass_on(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        kept = ("authorization", "content-type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        async with (
            aiohttp.ClientSession() as http,
            http.request(
                request.method,
                self._target + method,
                params=request.query,
                data=await request.read(),
                headers=headers,
            ) as answer,
        ):
            body = await answer.read()
        if method == "chat.postMessage" and self.victim is not None:
            victim, self.victim = self.victim, None
            assert victim.process is not None
            victim.process.kill()
        return web.Response(status=answer.status, body=body, content_type="application/json")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("SLACK_BOT_TOKEN", "xoxb-wrong", "Slack refused SLACK_BOT_TOKEN: invalid_auth."),
        ("SLACK_APP_TOKEN", "xapp-wrong", "Slack refused SLACK_APP_TOKEN: invalid_auth."),
        ("SLACK_API_URL", "http://127.0.0.1:1/api/", "not reachable at SLACK_API_URL="),
    ],
)
async def test_a_slack_that_says_no_ends_it_with_one_sentence(
    variable: str, value: str, said: str, engine: Engine, slack: Workspace
) -> None:
    async with bot_for(engine, slack.api_url, **{variable: value}) as bot:
        await bot.start()
        status, errors = await bot.ended()
    assert status == 2, errors
    assert said in errors.splitlines()[-1]
    assert "Traceback" not in errors


async def test_a_slack_that_fails_for_a_moment_is_waited_for_at_the_start(
    engine: Engine, slack: Workspace, people: PeopleClient
) -> None:
    for method in ("auth.test", "apps.connections.open"):
        await people.inject(Fault(method=method, kind="error", times=2))
        await people.inject(Fault(method=method, kind="ratelimited"))
    async with bot_for(engine, slack.api_url) as bot:
        await bot.start()
        await bot.ready()
