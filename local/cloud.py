"""Owns the whole of Threadwright on one machine: which programs, in which order, with which
settings.

Used by the demo, by the scripted play and by end-to-end tests. The Slack workspace and the scripted
model are programs of ours; Restate, the agent, the bot and the sandboxes are the real ones.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bot.manifest import MANIFEST, manifest
from local.github.state import TOKEN as GITHUB_TOKEN
from local.processes import Child
from local.restate.server import RestateServer, free_port
from local.sandboxes import Sandboxes, end_sandboxes
from local.slack.client import PeopleClient
from local.slack.installs import InstallSpec
from local.slack.seed import SIGNING_SECRET

# They open nothing but the workspace on loopback.
BOT_TOKEN = "xoxb-local-threadwright"
APP_TOKEN = "xapp-local-threadwright"

_PASSED_ON = (
    "LLM_MODEL_CHEAP",
    "LLM_WINDOW_TOKENS",
    "THREADWRIGHT_APPROVALS",
    "THREADWRIGHT_APPROVERS",
    "THREADWRIGHT_BUDGET_USD",
    "THREADWRIGHT_BUDGET_THREAD_USD",
    "THREADWRIGHT_BUDGET_CHANNEL_USD",
    "THREADWRIGHT_BUDGET_DAY_USD",
    "THREADWRIGHT_BUDGET_MORE_USD",
    "THREADWRIGHT_PLAN_FIRST",
    "THREADWRIGHT_POLICY_FILE",
    "THREADWRIGHT_PREVIEW_MINUTES",
    "THREADWRIGHT_PRICES_FILE",
    "THREADWRIGHT_SECRETS",
)
"""Settings that a person may try out on the demo, whatever the model."""

_PRICES = """\
[models."scripted-demo"]
input = 10
output = 10
"""
"""Made up, so that costs and budgets can be seen at work; the settings of a person go before."""

Door = Literal["socket", "http"]
"""How Slack reaches the bot: through a socket that the bot opened, or by signed requests to it."""


@dataclass
class Cloud:
    """Everything running. `page_url` is the workspace; `start_url` is what a person opens."""

    data_dir: Path
    restate: RestateServer
    slack: Child
    agent: Child
    bot: Child
    model: Child | None
    github: Child
    control_plane: Child | None
    """Of the sandboxes, when they are Modal's and there is no account."""
    page_url: str
    github_url: str = ""
    """Where its repositories and pull requests can be looked at."""
    control_url: str = ""
    """The control plane's door for tests."""
    door_url: str = ""
    """Where the bot takes Slack's requests, in HTTP mode."""
    install: InstallSpec = field(default_factory=InstallSpec)
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def start_url(self) -> str:
        return f"{self.page_url}/#channel=C0BUILD"

    @property
    def children(self) -> list[Child]:
        ours = (self.bot, self.agent, self.model, self.slack, self.github, self.control_plane)
        return [child for child in ours if child is not None]


@dataclass(frozen=True)
class Wishes:
    """How to run it."""

    port: int | None = None
    """Of the page; a free one when None."""
    quiet: bool = False
    model_delay_ms: int = 350
    """Time the scripted model takes for an answer, so that a person can watch."""
    model_url: str | None = None
    """A model server of the caller's instead of the demo's, up to and including `/v1`."""
    door: Door = "socket"
    install: InstallSpec = field(default_factory=InstallSpec)
    """Where the app is installed before the bot starts."""
    restate_environ: Mapping[str, str] = field(default_factory=dict)
    agent_environ: Mapping[str, str] = field(default_factory=dict)
    bot_environ: Mapping[str, str] = field(default_factory=dict)
    sandbox_environ: Mapping[str, str] | None = None
    """Settings of the sandboxes, instead of those in our own environment."""


@asynccontextmanager
async def running_cloud(wishes: Wishes = Wishes()) -> AsyncIterator[Cloud]:
    """Start all of it and wait until each part answers; end all of it on the way out.

    Raises LocalCloudError with one sentence when a part does not come up.
    """
    with tempfile.TemporaryDirectory(prefix="threadwright-", ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder)
        data_dir.chmod(0o755)  # the sandbox's own user passes through
        cloud = _assemble(data_dir, wishes)
        beside = (cloud.model, cloud.slack, cloud.github, cloud.control_plane)
        needed = [child for child in beside if child is not None]
        try:
            await asyncio.gather(cloud.restate.start(), *(_up(child) for child in needed))
            async with _running_product(cloud):
                yield cloud
        finally:
            for child in needed:
                await child.stop()
            await cloud.restate.stop()


@asynccontextmanager
async def _running_product(cloud: Cloud) -> AsyncIterator[None]:
    try:
        async with PeopleClient(cloud.page_url) as people:
            await people.install(cloud.install)  # the bot asks once at its start who it is
            await asyncio.gather(_up(cloud.agent), _up(cloud.bot))
            if cloud.door_url:
                await people.use_http(cloud.door_url)
        yield
    finally:
        await cloud.bot.stop()
        await cloud.agent.stop()
        await end_sandboxes(cloud.settings)


async def _up(child: Child) -> None:
    await child.start()
    await child.until_ready()


def _assemble(data_dir: Path, wishes: Wishes) -> Cloud:
    """Every program with its settings; none is started yet."""
    restate = RestateServer(data_dir / "restate", environ=dict(wishes.restate_environ))
    engine = {"RESTATE_INGRESS_URL": restate.ingress_url, "RESTATE_ADMIN_URL": restate.admin_url}
    environ = os.environ if wishes.sandbox_environ is None else wishes.sandbox_environ
    sandboxes = Sandboxes(environ, data_dir)
    slack_port, github_port, model_port = wishes.port or free_port(), free_port(), free_port()
    slack_url, github_url = _local(slack_port), _local(github_port)
    agent_bind, bot_bind, door_bind = (f"127.0.0.1:{free_port()}" for _ in range(3))
    app, door = _door(data_dir, wishes.door, door_bind)
    ours = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}

    def child(name: str, arguments: list[str], settings: Mapping[str, str], health: str) -> Child:
        log = data_dir / f"{name}.log"
        return Child(name, arguments, settings, health, log=log, quiet=wishes.quiet)

    slack = ["local.slack", "--port", str(slack_port), "--manifest", str(app)]
    model = ["local.model", "--port", str(model_port), "--delay-ms", str(wishes.model_delay_ms)]
    github = ["local.github", "--port", str(github_port)]
    agent_settings = {
        **engine,
        **_model_settings(wishes, _local(model_port), data_dir),
        **sandboxes.settings,
        "GITHUB_URL": github_url,
        "GITHUB_API_URL": f"{github_url}/api/v3",
        "GITHUB_TOKEN": GITHUB_TOKEN,
        **ours,
        "THREADWRIGHT_AGENT_BIND": agent_bind,
        **wishes.agent_environ,
    }
    bot_settings = {
        **engine,
        "SLACK_API_URL": f"{slack_url}/api/",
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        **door,
        "THREADWRIGHT_BOT_BIND": bot_bind,
        **wishes.bot_environ,
    }
    control = f"{sandboxes.control_url}/running"
    return Cloud(
        data_dir=data_dir,
        restate=restate,
        slack=child("slack", slack, {}, f"{slack_url}/"),
        model=child("model", model, {}, f"{_local(model_port)}/health")
        if _is_scripted(wishes)
        else None,
        github=child("github", github, {}, f"{github_url}/health"),
        control_plane=child("modal", sandboxes.stand_in, {}, control)
        if sandboxes.stand_in
        else None,
        agent=child("agent", ["agent"], agent_settings, f"http://{agent_bind}/health"),
        bot=child("bot", ["bot"], bot_settings, f"http://{bot_bind}/health"),
        page_url=slack_url,
        github_url=github_url,
        control_url=sandboxes.control_url,
        door_url=f"http://{door_bind}" if wishes.door == "http" else "",
        install=wishes.install,
        settings=sandboxes.settings,
    )


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _is_scripted(wishes: Wishes) -> bool:
    return wishes.model_url is None and not os.environ.get("OPENAI_API_KEY")


def _model_settings(wishes: Wishes, scripted_url: str, data_dir: Path) -> dict[str, str]:
    """The scripted model, a server of the caller's, or the real one with our own environment."""
    if _is_scripted(wishes) or wishes.model_url:
        url = wishes.model_url or f"{scripted_url}/v1"
        chosen = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": url, "LLM_API": "responses"}
        if not _is_scripted(wishes):
            return chosen
        prices = data_dir / "prices.toml"
        prices.write_text(_PRICES, encoding="utf-8")
        return {**chosen, "THREADWRIGHT_PRICES_FILE": str(prices)}
    theirs = ("OPENAI_", "LLM_", "SSL_CERT_", "HTTPS_PROXY", "NO_PROXY")
    return {name: v for name, v in os.environ.items() if name.upper().startswith(theirs)}


def _door(data_dir: Path, door: Door, bind: str) -> tuple[Path, dict[str, str]]:
    """The app's manifest, and the bot's settings, for how Slack reaches the bot."""
    if door == "socket":
        return MANIFEST, {"SLACK_APP_TOKEN": APP_TOKEN}
    app = data_dir / "manifest.yml"
    app.write_text(manifest("https://threadwright.example"), encoding="utf-8")
    return app, {"SLACK_SIGNING_SECRET": SIGNING_SECRET, "THREADWRIGHT_SLACK_BIND": bind}
