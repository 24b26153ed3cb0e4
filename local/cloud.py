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
    restate = RestateServer(data_dir / "restate", environ=dict(wishes.restate_environ))
    slack_port = wishes.port or free_port()
    slack_url = f"http://127.0.0.1:{slack_port}"
    scripted = wishes.model_url is None and not os.environ.get("OPENAI_API_KEY")
    model_port = free_port()
    model_url = f"http://127.0.0.1:{model_port}"
    engine = {"RESTATE_INGRESS_URL": restate.ingress_url, "RESTATE_ADMIN_URL": restate.admin_url}
    agent_bind, bot_bind = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    environ = os.environ if wishes.sandbox_environ is None else wishes.sandbox_environ
    sandboxes = Sandboxes(environ, data_dir)
    ours = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    model_settings = {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": wishes.model_url or f"{model_url}/v1",
        "LLM_API": "responses",
    }
    if not scripted and wishes.model_url is None:
        theirs = ("OPENAI_", "LLM_", "SSL_CERT_", "HTTPS_PROXY", "NO_PROXY")
        model_settings = {n: v for n, v in os.environ.items() if n.upper().startswith(theirs)}

    door_bind = f"127.0.0.1:{free_port()}"
    app, door = MANIFEST, {"SLACK_APP_TOKEN": APP_TOKEN}
    if wishes.door == "http":
        app = data_dir / "manifest.yml"
        app.write_text(manifest("https://threadwright.example"), encoding="utf-8")
        door = {"SLACK_SIGNING_SECRET": SIGNING_SECRET, "THREADWRIGHT_SLACK_BIND": door_bind}

    github_port = free_port()
    github_url = f"http://127.0.0.1:{github_port}"
    github = {
        "GITHUB_URL": github_url,
        "GITHUB_API_URL": f"{github_url}/api/v3",
        "GITHUB_TOKEN": GITHUB_TOKEN,
    }

    def child(name: str, arguments: list[str], settings: Mapping[str, str], health: str) -> Child:
        log = data_dir / f"{name}.log"
        return Child(name, arguments, settings, health, log=log, quiet=wishes.quiet)

    delay = str(wishes.model_delay_ms)
    return Cloud(
        data_dir=data_dir,
        restate=restate,
        slack=child(
            "slack",
            ["local.slack", "--port", str(slack_port), "--manifest", str(app)],
            {},
            f"{slack_url}/",
        ),
        model=child(
            "model",
            ["local.model", "--port", str(model_port), "--delay-ms", delay],
            {},
            f"{model_url}/health",
        )
        if scripted
        else None,
        github=child(
            "github", ["local.github", "--port", str(github_port)], {}, f"{github_url}/health"
        ),
        control_plane=child("modal", sandboxes.stand_in, {}, f"{sandboxes.control_url}/running")
        if sandboxes.stand_in
        else None,
        agent=child(
            "agent",
            ["agent"],
            {
                **engine,
                **model_settings,
                **sandboxes.settings,
                **github,
                **ours,
                "THREADWRIGHT_AGENT_BIND": agent_bind,
                **wishes.agent_environ,
            },
            f"http://{agent_bind}/health",
        ),
        bot=child(
            "bot",
            ["bot"],
            {
                **engine,
                "SLACK_API_URL": f"{slack_url}/api/",
                "SLACK_BOT_TOKEN": BOT_TOKEN,
                **door,
                "THREADWRIGHT_BOT_BIND": bot_bind,
                **wishes.bot_environ,
            },
            f"http://{bot_bind}/health",
        ),
        page_url=slack_url,
        github_url=github_url,
        control_url=sandboxes.control_url,
        door_url=f"http://{door_bind}" if wishes.door == "http" else "",
        install=wishes.install,
        settings=sandboxes.settings,
    )
