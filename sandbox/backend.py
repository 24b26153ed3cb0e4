"""Owns which backend this process uses; durable code asks here and never knows the machine."""

from functools import cache

from sandbox.contract import Backend
from sandbox.errors import Fatal
from sandbox.protocol import Finding
from sandbox.settings import Settings


def backend_for(settings: Settings) -> Backend:
    """Imported when chosen: a worker of one backend needs nothing of the other."""
    if settings.backend == "modal":
        from sandbox.backends.modal.backend import ModalBackend

        return ModalBackend(settings)
    from sandbox.backends.local.backend import LocalBackend

    return LocalBackend(settings)


@cache
def current_settings() -> Settings:
    """Raises SettingsError."""
    return Settings.load()


@cache
def current_backend() -> Backend:
    """The one backend of this process, by its environment."""
    return backend_for(current_settings())


async def probe(settings: Settings) -> list[Finding]:
    """What works here, as found by starting, using and ending one sandbox.

    Raises:
        Fatal: sandboxes do not work; one sentence with the cause and the fix.
    """
    backend = backend_for(settings)
    try:
        findings = await backend.probe()
    finally:
        await backend.aclose()
    for finding in findings:
        if finding.state == "failed":
            raise Fatal(" ".join(filter(None, (finding.detail, finding.fix))))
    return findings
