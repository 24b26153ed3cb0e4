"""Every case of the contract runs on every backend."""

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.contract import Backend
from sandbox.settings import Settings
from tests.integration.backend_contract.providers import LocalProvider, Provider, modal_provider
from tests.integration.sandbox.driver import Box, spec
from tests.integration.sandbox.state import own_state

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def local_settings() -> Iterator[Settings]:
    """One state folder for all cases."""
    with own_state(memory_mb=512, disk_mb=256) as settings:
        yield settings


@pytest.fixture(params=["local", "modal"])
async def provider(
    request: pytest.FixtureRequest, local_settings: Settings
) -> AsyncIterator[Provider]:
    if request.param == "local":
        yield LocalProvider(local_settings)
        return
    async with modal_provider() as provider:
        yield provider


@pytest.fixture
def backend(provider: Provider) -> Backend:
    return provider.backend


@pytest.fixture
def name() -> str:
    """Of a sandbox nobody else uses."""
    return f"contract-{next(_numbers)}"


@pytest.fixture
async def box(backend: Backend, name: str) -> Box:
    """A running sandbox with an empty project."""
    return Box(backend, await backend.ensure(spec(name), None, []))
