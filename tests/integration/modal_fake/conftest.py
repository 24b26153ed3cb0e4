"""Fixtures: a fake, and the unmodified SDK as a user of it."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any

import modal
import pytest

from tests.fakes.modal import Fake, Wishes, running_fake


class User:
    """Somebody with an account: makes sandboxes in one app, through a client of his own."""

    def __init__(self, client: modal.Client, app: modal.App) -> None:
        self.client = client
        self.app = app
        self.image = modal.Image.debian_slim().workdir("/project").env({"COLOUR": "deep red"})

    async def create(self, *entrypoint: str, **arguments: Any) -> modal.Sandbox:
        given = {"app": self.app, "image": self.image, "timeout": 60, "client": self.client}
        return await modal.Sandbox.create.aio(*entrypoint, **{**given, **arguments})

    async def find(self, sandbox: modal.Sandbox) -> modal.Sandbox:
        """A handle that was never used."""
        return await modal.Sandbox.from_id.aio(sandbox.object_id, client=self.client)

    def snapshot(self, image_id: str) -> modal.Image:
        return modal.Image.from_id(image_id, self.client)


async def run(sandbox: modal.Sandbox, command: str, **arguments: Any) -> tuple[int, bytes]:
    """Exit code and standard output of a shell command."""
    process = await sandbox.exec.aio("bash", "-c", command, text=False, **arguments)
    output = await process.stdout.read.aio()
    return await process.wait.aio(), output


async def new_user(fake: Fake, monkeypatch: pytest.MonkeyPatch, app: str = "boxes") -> User:
    for name, value in fake.environ.items():
        monkeypatch.setenv(name, value)
    client = await modal.Client.from_credentials.aio(
        fake.environ["MODAL_TOKEN_ID"], fake.environ["MODAL_TOKEN_SECRET"]
    )
    return User(client, await modal.App.lookup.aio(app, create_if_missing=True, client=client))


@pytest.fixture
async def fakes() -> AsyncIterator[Callable[[Wishes], Coroutine[Any, Any, Fake]]]:
    async with AsyncExitStack() as stack:
        yield lambda wishes: stack.enter_async_context(running_fake(wishes))


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    async with running_fake() as running:
        yield running


@pytest.fixture
async def user(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[User]:
    user = await new_user(fake, monkeypatch)
    yield user
    await user.client.close.aio()
