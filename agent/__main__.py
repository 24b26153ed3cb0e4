"""`python -m agent`: check the settings, serve the durable services, register with Restate.

Exit status 2 and one sentence when a setting, the policy or the sandbox backend cannot be used.
"""
# ruff: noqa: E402

import gc

gc.disable()  # until all is imported: none of it is garbage, and to look costs a tenth of a start

import asyncio
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from agent import endpoint, links, settings
from agent.app import SERVICES
from agent.background import current_background
from agent.idling import Idling
from agent.llm import LLMFatal, PricesError, endpoint_for, load_prices, model_warnings
from agent.model import current_llm
from agent.policy import PolicyError, load_policy
from agent.policy import cli as policy_cli
from agent.repositories import git
from agent.settings import Settings, SettingsError
from sandbox import backend as sandbox_backend
from sandbox.errors import SandboxError
from sandbox.settings import Settings as SandboxSettings
from sandbox.settings import SettingsError as SandboxSettingsError

log = logging.getLogger(__name__)

RESUMING_SECONDS = 2.0
"""What a crash cut off comes back in this time after a start, and has the event loop to itself."""

REFUSALS = (
    SettingsError,
    SandboxSettingsError,
    PolicyError,
    PricesError,
    SandboxError,
    endpoint.EndpointError,
    LLMFatal,
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


async def _check_models(now: Settings) -> None:
    """Warn of models that the provider does not have, or soon ends."""
    await asyncio.sleep(RESUMING_SECONDS)  # to open a connection's TLS blocks the loop for 50 ms
    at = endpoint_for(api_key=now.openai_api_key.get_secret_value(), base_url=now.openai_base_url)
    for warning in await model_warnings(at, now.models_in_use, datetime.now(UTC).date()):
        log.warning("%s", warning)


async def serve(now: Settings, sandboxes: SandboxSettings) -> None:
    stop = endpoint.stop_on_signals()
    probing = asyncio.create_task(_probe(sandboxes))  # serving does not wait for it
    probing.add_done_callback(_stop_on_failure(stop))
    checking = asyncio.create_task(_check_models(now))
    sweeping = asyncio.create_task(asyncio.to_thread(git.sweep))
    registered = False

    async def register() -> None:
        nonlocal registered
        token = now.restate_auth_token.get_secret_value() if now.restate_auth_token else None
        await endpoint.register(now.restate_admin_url, now.endpoint_url, auth_token=token)
        registered = True

    idle = Idling()
    watching = asyncio.create_task(idle.watch())
    watching.add_done_callback(_stop_on_failure(stop))
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
        hearing=idle,
    )
    for task in (probing, checking, registering, watching, sweeping):
        if task.done():
            task.result()
        task.cancel()
    await current_llm().aclose()
    await current_background().aclose()
    await sandbox_backend.current_backend().aclose()


def main() -> None:
    gc.freeze()
    gc.enable()
    if sys.argv[1:2] == ["policy"]:
        sys.exit(policy_cli.run(sys.argv[2:]))
    endpoint.begin_logging()
    try:
        now = settings.current()
        sandboxes = sandbox_backend.current_settings()
        load_policy(now.policy_file)
        load_prices(now.prices_file)
        endpoint.host_and_port(now.bind, "THREADWRIGHT_AGENT_BIND")
        current_llm()
        asyncio.run(serve(now, sandboxes))
    except REFUSALS as error:
        sys.stderr.write(f"threadwright-agent: {error}\n")
        endpoint.leave(2)
    endpoint.leave(0)


if __name__ == "__main__":
    main()
