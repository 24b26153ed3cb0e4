"""The modal backend, against the strict fake of Modal."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.backends.modal.backend import ModalBackend
from sandbox.settings import Settings
from tests.fakes.modal import Fake, Wishes, running_fake
from tests.integration.sandbox.driver import Box, spec
from tests.integration.sandbox.modal.workers import NAME, Workers


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with running_fake(Wishes(token=("ak-1", "as-1"))) as fake:
        yield fake
        assert not fake.unknown


@pytest.fixture
async def worker(fake: Fake) -> AsyncIterator[Workers]:
    """Makes workers, each with a connection of its own, as separate processes would have."""
    workers: list[ModalBackend] = []

    def make(**changes: object) -> ModalBackend:
        fields: dict[str, object] = {
            "state_dir": Path("/nowhere"),
            "memory_mb": 512,
            "disk_mb": 256,
            "modal_server_url": fake.url,
            "modal_token_id": "ak-1",
            "modal_token_secret": "as-1",
        }
        workers.append(ModalBackend(Settings.model_validate(fields | changes)))
        return workers[-1]

    yield make
    for backend in workers:
        await backend.aclose()


@pytest.fixture
def backend(worker: Workers) -> ModalBackend:
    return worker()


@pytest.fixture
async def box(backend: ModalBackend) -> Box:
    return Box(backend, await backend.ensure(spec(NAME), None, []))
