"""`python -m agent`: check the settings, serve the durable services, register with Restate.

Exit status 2 and one sentence when a setting, the policy or the sandbox backend cannot be used.
"""

import asyncio
import logging
import sys
from collections.abc import Callable

from agent import endpoint, links, settings
from agent.app import SERVICES
from agent.model import current_llm
from agent.policy import PolicyError, load_policy
from agent.settings import Settings, SettingsError
from sandbox import backend as sandbox_backend
from sandbox.errors import SandboxError
from sandbox.settings import Settings as SandboxSettings
from sandbox.settings import SettingsError as SandboxSettingsError

log = logging.getLogger(__name__)
REFUSALS = (
    SettingsError,
    SandboxSettingsError,
    PolicyError,
    SandboxError,
    endpoint.EndpointError,
)


def _stop_on_failure(stop: asyncio.Event) -> Callable[[asyncio.Task[None]], None]:
    def done(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            stop.set()

    return done


async def _probe(sandboxes: SandboxSettings) -> None:
    """Raises Fatal when no sandbox can be started here."""
    for finding in await sandbox_backend.probe(sandboxes):
        if finding.state == "limited":
            log.warning("sandboxes: %s: %s", finding.what, finding.detail)


async def serve(now: Settings, sandboxes: SandboxSettings) -> None:
    stop = endpoint.stop_on_signals()
    probing = asyncio.create_task(_probe(sandboxes))  # serving does not wait for it
    probing.add_done_callback(_stop_on_failure(stop))
    registered = False

    async def register() -> None:
        nonlocal registered
        token = now.restate_auth_token.get_secret_value() if now.restate_auth_token else None
        await endpoint.register(now.restate_admin_url, now.endpoint_url, auth_token=token)
        registered = True

    keys = [key.strip() for key in now.restate_identity_keys.split(",") if key.strip()]
    registering = asyncio.create_task(register())
    registering.add_done_callback(_stop_on_failure(stop))
    await endpoint.serve(
        SERVICES,
        bind=now.bind,
        stop=stop,
        ready=lambda: registered,
        identity_keys=keys or None,
        pages=links.pages(),
    )
    for task in (probing, registering):
        if task.done():
            task.result()
        task.cancel()
    await current_llm().aclose()
    await sandbox_backend.current_backend().aclose()


def main() -> None:
    endpoint.begin_logging()
    try:
        now = settings.current()
        sandboxes = sandbox_backend.current_settings()
        load_policy(now.policy_file)
        endpoint.host_and_port(now.bind, "THREADWRIGHT_AGENT_BIND")
        asyncio.run(serve(now, sandboxes))
    except REFUSALS as error:
        sys.stderr.write(f"threadwright-agent: {error}\n")
        endpoint.leave(2)
    endpoint.leave(0)


if __name__ == "__main__":
    main()
