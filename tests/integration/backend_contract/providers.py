"""What the contract's cases do behind a backend's back: kill, lose, expire, on each kind of it."""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sandbox.backend import backend_for
from sandbox.contract import Backend
from sandbox.errors import Retryable
from sandbox.protocol import SandboxRef, SandboxSpec, SnapshotRef
from sandbox.settings import Settings
from tests.fakes.modal import Fake, Wishes, running_fake


class Provider(Protocol):
    backend: Backend
    environ: Mapping[str, str]
    """What a worker in another process needs to reach the same sandboxes."""

    def worker(self, **settings: Any) -> Backend:
        """Another worker, with some settings changed."""
        ...

    async def lose(self, ref: SandboxRef) -> None:
        """The sandbox dies with everything on it, and nobody was asked."""
        ...

    async def expire(self, ref: SandboxRef, snapshot: SnapshotRef) -> None:
        """The snapshot cannot be used any more."""
        ...

    async def ensure_without_answer(self, spec: SandboxSpec) -> None:
        """A worker asks for a sandbox; it is started, but the worker never hears of it."""
        ...

    async def running(self) -> int:
        """Sandboxes that run, as the machine or the provider counts them."""
        ...


class LocalProvider:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.backend = backend_for(settings)
        self.environ: Mapping[str, str] = {
            "SANDBOX_STATE_DIR": str(settings.state_dir),
            "SANDBOX_MEMORY_MB": str(settings.memory_mb),
            "SANDBOX_DISK_MB": str(settings.disk_mb),
        }

    def worker(self, **settings: Any) -> Backend:
        return backend_for(self._settings.model_copy(update=settings))

    async def lose(self, ref: SandboxRef) -> None:
        await self.worker().stop(ref)
        shutil.rmtree(self._settings.state_dir / "boxes" / ref.name)

    async def expire(self, ref: SandboxRef, snapshot: SnapshotRef) -> None:
        folder = self._settings.state_dir / "snapshots" / ref.name
        for path in folder.glob(f"{snapshot.snapshot_id}*"):
            path.unlink()

    async def ensure_without_answer(self, spec: SandboxSpec) -> None:
        await self.worker().ensure(spec, None, [])

    async def running(self) -> int:
        return len(list(self._settings.state_dir.glob("boxes/*/sock")))


class ModalProvider:
    def __init__(self, fake: Fake) -> None:
        self.fake = fake
        self.environ: Mapping[str, str] = {
            **fake.environ,
            "SANDBOX_BACKEND": "modal",
            "SANDBOX_MEMORY_MB": "512",
        }
        self._settings = Settings.load(self.environ)
        self._workers: list[Backend] = []
        self.backend = self.worker()

    def worker(self, **settings: Any) -> Backend:
        self._workers.append(backend_for(self._settings.model_copy(update=settings)))
        return self._workers[-1]

    async def lose(self, ref: SandboxRef) -> None:
        await self.fake.terminate(ref.sandbox_id)

    async def expire(self, ref: SandboxRef, snapshot: SnapshotRef) -> None:
        assert snapshot.expires_at is not None
        self.fake.expire(snapshot.snapshot_id)

    async def ensure_without_answer(self, spec: SandboxSpec) -> None:
        self.fake.fail("SandboxCreateV2", times=4, status="UNAVAILABLE", after=True)
        try:
            await self.worker().ensure(spec, None, [])
        except Retryable:
            return
        raise AssertionError("the answer arrived")

    async def running(self) -> int:
        return len(self.fake.running())

    async def aclose(self) -> None:
        for worker in self._workers:
            await worker.aclose()


@asynccontextmanager
async def modal_provider() -> AsyncIterator[ModalProvider]:
    async with running_fake(Wishes()) as fake:
        before = {name: os.environ.get(name) for name in fake.environ}
        os.environ.update(fake.environ)  # what the SDK reads by itself: throttle wait, config path
        provider = ModalProvider(fake)
        try:
            yield provider
        finally:
            await provider.aclose()
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
