"""Real bubblewrap sandboxes in a folder of their own; as root, run by the unprivileged user."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.errors import Fatal
from sandbox.protocol import Backend
from sandbox.settings import Settings
from tests.integration.sandbox.driver import Box

_names = (f"box-{number}" for number in itertools.count())


@pytest.fixture(scope="package")
def settings() -> Iterator[Settings]:
    """One state folder for all tests. Not below `tmp_path`: as root that is closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="threadwright-"))
    folder.chmod(0o755)
    settings = Settings(state_dir=folder / "state", memory_mb=512, disk_mb=256)
    try:
        asyncio.run(LocalBackend(settings).probe())
    except Fatal as error:
        pytest.skip(f"needs working bubblewrap: {error}")
    yield settings
    asyncio.run(_destroy_all(settings))
    shutil.rmtree(folder)


async def _destroy_all(settings: Settings) -> None:
    names = os.listdir(settings.state_dir / "boxes")  # noqa: PTH208
    await asyncio.gather(*(LocalBackend(settings).destroy(name) for name in names))


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
    return Box(backend, await backend.ensure(name, None, []))


@pytest.fixture
def broken_bwrap(settings: Settings) -> Path:
    """A bubblewrap that fails as it does where user namespaces are refused."""
    program = settings.state_dir.parent / "broken-bwrap"
    program.write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    return program
