"""Real bubblewrap sandboxes in a folder of their own; as root, run by the unprivileged user."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.contract import Backend
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box, spec
from tests.integration.sandbox.state import own_state

_names = (f"box-{number}" for number in itertools.count())


@pytest.fixture(scope="package")
def settings() -> Iterator[Settings]:
    """One state folder for all tests."""
    with own_state(memory_mb=512, disk_mb=256) as settings:
        yield settings


@pytest.fixture
def backend(settings: Settings) -> Backend:
    return LocalBackend(settings)


@pytest.fixture
def name() -> str:
    """Of a sandbox nobody else uses."""
    return next(_names)


@pytest.fixture
async def box(backend: Backend, name: str) -> Box:
    """A running sandbox with an empty project."""
    return Box(backend, await backend.ensure(spec(name), None, []))


@pytest.fixture
def broken_bwrap(settings: Settings) -> Path:
    """A bubblewrap that fails as it does where user namespaces are refused."""
    program = settings.state_dir.parent / "broken-bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    return program
