"""Owns which backend this process uses; durable code asks here and never knows the machine."""

from functools import cache

from sandbox.backends.local.backend import LocalBackend
from sandbox.protocol import Backend
from sandbox.settings import Settings


def backend_for(settings: Settings) -> Backend:
    """Every setting accepted by `Settings.load` names a backend that exists."""
    return LocalBackend(settings)


@cache
def current_settings() -> Settings:
    """Raises SettingsError."""
    return Settings.load()


@cache
def current_backend() -> Backend:
    """The one backend of this process, by its environment."""
    return backend_for(current_settings())


async def probe(settings: Settings) -> None:
    """Start and end one sandbox, as at the start of a worker.

    Raises:
        Fatal: sandboxes do not work here; one sentence with the cause and the fix.
    """
    await backend_for(settings).probe()
