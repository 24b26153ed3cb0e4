"""Owns the life of sandboxes on Modal: find, create, adopt, restore and end them.

A name belongs to at most one running sandbox of an app, and ours holds the generation: so whoever
creates it second, after a lost answer or beside another worker, is told that it exists and adopts
it.
"""

import logging
import time
from collections import Counter

import modal
from modal import exception

from sandbox.backends.modal.connection import LOOK_SECONDS, Connection
from sandbox.backends.modal.failures import deadline
from sandbox.backends.modal.labels import Label
from sandbox.backends.modal.limiter import Limiter
from sandbox.backends.modal.network import network
from sandbox.errors import Fatal, Retryable, SandboxGone, SnapshotGone
from sandbox.protocol import Found, SandboxRef, SandboxSpec, SnapshotRef
from sandbox.settings import Settings

LIFETIME_SECONDS = 4 * 3600
IDLE_MARGIN_SECONDS = 2 * 3600
"""The `Sandbox` object stops idle ones. This is for those nobody manages any more, and longer than
a lease, because commands that run by themselves may not count as activity."""
CREATE_SECONDS = 110.0
END_SECONDS = 60.0
REQUESTED_CORES = 0.25
REQUESTED_MB = 512
"""Use above these is billed as it happens, up to the limits of the settings."""
IMAGE_ID = "im-"
FAILURES_ALLOWED = 3

log = logging.getLogger(__name__)


class Life:
    def __init__(self, settings: Settings, connection: Connection) -> None:
        self._settings = settings
        self._connection = connection
        self._limiter = Limiter()
        self._failures: Counter[str] = Counter()
        self._lifetime = settings.lifetime_seconds or LIFETIME_SECONDS

    async def is_running(self, ref: SandboxRef) -> bool:
        try:
            await self._connection.look(ref.sandbox_id)
        except SandboxGone:
            return False
        return True

    def is_near_its_end(self, ref: SandboxRef) -> bool:
        margin = min(60.0, self._lifetime / 10)
        return ref.hard_limit is not None and time.time() > ref.hard_limit - margin

    def seen(self, ref: SandboxRef) -> SandboxRef:
        """The reference after a sign of life: when Modal may end it for being idle."""
        expires_at = time.time() + self._idle_seconds
        if ref.hard_limit is not None:
            expires_at = min(expires_at, ref.hard_limit)
        return ref.model_copy(update={"expires_at": expires_at})

    async def create(
        self, spec: SandboxSpec, generation: int, snapshots: list[SnapshotRef]
    ) -> SandboxRef:
        """From the newest snapshot that can be used, else from the image alone."""
        for snapshot in snapshots:
            if not _may_exist(snapshot):
                continue
            try:
                return await self._create(spec, generation, snapshot.snapshot_id)
            except SnapshotGone as gone:
                log.warning("a snapshot cannot be used: %s", gone)
            except Retryable as error:
                self._check_usable(snapshot.snapshot_id, error)
        return await self._create(spec, generation, None)

    async def end(self, sandbox_id: str) -> None:
        """Returns once nothing runs; already ended is fine."""
        try:
            sandbox = await self._connection.look(sandbox_id)
            async with deadline("end the sandbox", END_SECONDS):
                await sandbox.terminate.aio(wait=True)
        except SandboxGone:
            return
        except Retryable as error:
            if not isinstance(error.__cause__, exception.SandboxTimeoutError):
                raise  # else its own time was up meanwhile
        finally:
            self._connection.forget(sandbox_id)

    async def end_all(self, name: str) -> None:
        """Every generation of this name."""
        for sandbox in await self._list(name=name):
            await self.end(sandbox.object_id)

    async def running(self) -> list[Found]:
        found: list[Found] = []
        for sandbox in await self._list():
            try:
                label = await self._label(sandbox)
            except SandboxGone:
                continue  # it ended while we listed
            if label is not None:
                found.append(label.found(sandbox.object_id))
        return found

    # ------------------------------------------------------------------------------------------

    @property
    def _idle_seconds(self) -> int:
        return min(self._settings.idle_seconds + IDLE_MARGIN_SECONDS, self._lifetime)

    async def _create(
        self, spec: SandboxSpec, generation: int, snapshot_id: str | None
    ) -> SandboxRef:
        now = time.time()
        label = Label(
            owner=self._settings.owner,
            name=spec.name,
            session=spec.session,
            generation=generation,
            created=round(now, 3),
            expires=round(now + self._lifetime, 3),
            restored_from=snapshot_id,
            empty=snapshot_id is None,
        )
        name = f"{spec.name}-{generation}"
        try:
            image = await self._image(snapshot_id)
            await self._limiter.turn()
            sandbox = await self._start(name, label, image)
        except exception.AlreadyExistsError:
            return await self._adopt(name, spec)
        except SandboxGone as error:
            raise await self._snapshot_gone_or_retryable(snapshot_id, error) from error
        self._connection.remember(sandbox)
        return self._ref(sandbox.object_id, label)

    def _check_usable(self, snapshot_id: str, error: Retryable) -> None:
        """Raises `error`, unless Modal has failed inside with this one snapshot again and again: if
        all is well with the one before, it is damaged; if not, that one fails as well."""
        if not isinstance(error.__cause__, exception.InternalError):
            raise error
        self._failures[snapshot_id] += 1
        if self._failures[snapshot_id] < FAILURES_ALLOWED:
            raise error
        log.warning("nothing starts from the snapshot %s: %s", snapshot_id, error)

    async def _snapshot_gone_or_retryable(
        self, snapshot_id: str | None, doubt: SandboxGone
    ) -> SnapshotGone | Retryable:
        """What a create lacked: going back to an older snapshot loses work, so ask once more."""
        self._connection.forget_lookups()
        if snapshot_id is None or await self._connection.has_image(snapshot_id):
            return Retryable(f"The app or the image of sandboxes is not to be found: {doubt}")
        return SnapshotGone(f"The snapshot {snapshot_id} was deleted or has expired.")

    async def _image(self, snapshot_id: str | None) -> modal.Image:
        if snapshot_id is None:
            return await self._connection.image()
        client = await self._connection.client()
        return modal.Image.from_id(snapshot_id, client=client)

    async def _start(self, name: str, label: Label, image: modal.Image) -> modal.Sandbox:
        settings = self._settings
        app, client = await self._connection.app(), await self._connection.client()
        async with deadline("start a sandbox", CREATE_SECONDS):
            return await modal.Sandbox.create.aio(
                app=app,
                client=client,
                name=name,
                tags=label.tags(),
                image=image,
                timeout=self._lifetime,
                idle_timeout=self._idle_seconds,
                cpu=(min(REQUESTED_CORES, settings.cpus), settings.cpus),
                memory=(min(REQUESTED_MB, settings.memory_mb), settings.memory_mb),
                **network(settings),
            )

    async def _adopt(self, name: str, spec: SandboxSpec) -> SandboxRef:
        client = await self._connection.client()
        try:
            async with deadline("find the sandbox", LOOK_SECONDS):
                sandbox = await modal.Sandbox.from_name.aio(
                    self._settings.modal_app, name, client=client
                )
            label = await self._label(sandbox)
        except SandboxGone as error:
            raise Retryable(f"The sandbox {name} ended while it was looked up.") from error
        if label is None or (label.owner, label.name) != (self._settings.owner, spec.name):
            raise Fatal(
                f"The name {name} is taken by a sandbox of somebody else: give this deployment an "
                "app of its own (MODAL_APP)."
            )
        self._connection.remember(sandbox)
        return self._ref(sandbox.object_id, label)

    async def _label(self, sandbox: modal.Sandbox) -> Label | None:
        async with deadline("tell the tags of a sandbox", LOOK_SECONDS):
            return Label.read(await sandbox.get_tags.aio())

    async def _list(self, **tags: str) -> list[modal.Sandbox]:
        app, client = await self._connection.app(), await self._connection.client()
        wanted = {"owner": self._settings.owner, **tags}
        async with deadline("list the sandboxes", LOOK_SECONDS):
            listed = modal.Sandbox.list.aio(app_id=app.app_id, tags=wanted, client=client)
            return [sandbox async for sandbox in listed]

    def _ref(self, sandbox_id: str, label: Label) -> SandboxRef:
        ref = SandboxRef(
            backend="modal",
            name=label.name,
            sandbox_id=sandbox_id,
            generation=label.generation,
            created_at=label.created,
            expires_at=label.expires,
            hard_limit=label.expires,
            restored_from=label.restored_from,
            empty=label.empty,
        )
        return self.seen(ref)


def _may_exist(snapshot: SnapshotRef) -> bool:
    """One of ours that has not expired yet."""
    is_live = snapshot.expires_at is None or snapshot.expires_at > time.time()
    return is_live and snapshot.snapshot_id.startswith(IMAGE_ID)
