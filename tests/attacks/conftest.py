"""Sandboxes for the attacks: small limits, and a neighbour that must never notice anything."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.settings import Settings
from tests.attacks.attacker import Attacker, Witness
from tests.integration.sandbox.driver import Box, spec
from tests.integration.sandbox.state import own_state

MEMORY_MB = 256
DISK_MB = 64
_names = (f"attack-{number}" for number in itertools.count())


@pytest.fixture(scope="package")
def settings() -> Iterator[Settings]:
    """One state folder for all attacks."""
    with own_state(memory_mb=MEMORY_MB, disk_mb=DISK_MB) as settings:
        yield settings


@pytest.fixture
def backend(settings: Settings) -> LocalBackend:
    return LocalBackend(settings)


@pytest.fixture
def name() -> str:
    """Of a sandbox nobody else uses."""
    return next(_names)


@pytest.fixture
async def box(backend: LocalBackend, name: str) -> Attacker:
    """A running sandbox with an empty project and hostile code to come."""
    return Attacker(backend, await backend.ensure(spec(name), None, []))


@pytest.fixture
async def neighbour(backend: LocalBackend) -> Box:
    """A sandbox that is always there and never attacked."""
    return Box(backend, await backend.ensure(spec("neighbour"), None, []))


@pytest.fixture
def witness(
    box: Attacker, neighbour: Box, record_property: Callable[[str, object], None]
) -> Witness:
    """Measures, while an attack goes on, how long a neighbour and the attacked sandbox wait."""
    return Witness(record_property, itself=box, neighbour=neighbour)
