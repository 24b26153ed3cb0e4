"""A state folder of their own for tests of local sandboxes, deleted with all that is in it."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.backends.local.backend import LocalBackend
from sandbox.errors import Fatal
from sandbox.settings import Settings
from tests.integration.sandbox.driver import spec


@contextmanager
def own_state(memory_mb: int, disk_mb: int) -> Iterator[Settings]:
    """Not below `tmp_path`: as root that is closed to the user who runs sandboxes.

    Skips, with the reason, where no sandbox starts.
    """
    folder = Path(tempfile.mkdtemp(prefix="threadwright-"))
    folder.chmod(0o755)
    settings = Settings(state_dir=folder / "state", memory_mb=memory_mb, disk_mb=disk_mb)
    try:
        try:
            asyncio.run(LocalBackend(settings).ensure(spec("neighbour"), None, []))
        except Fatal as error:
            pytest.skip(f"needs working bubblewrap: {error}")
        yield settings
        asyncio.run(_destroy_all(settings))
    finally:
        shutil.rmtree(folder)


async def _destroy_all(settings: Settings) -> None:
    backend = LocalBackend(settings)
    boxes = (settings.state_dir / "boxes").glob("[!.]*")
    await asyncio.gather(*(backend.destroy(box.name, None, []) for box in boxes))
