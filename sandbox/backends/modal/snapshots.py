"""Owns snapshots on Modal: images of a sandbox's whole file system that Modal keeps for a while."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from modal.experimental import image_delete

from sandbox.backends.local.programs.outside.ledger import LOGS
from sandbox.backends.modal.connection import LOOK_SECONDS, Connection
from sandbox.backends.modal.failures import deadline
from sandbox.backends.modal.requests import ANSWER_SECONDS, Requests
from sandbox.backends.modal.upload import INCOMING
from sandbox.errors import SandboxGone
from sandbox.image import FOLDERS
from sandbox.protocol import SandboxRef, SnapshotRef

ARCHIVES = "/home/sandbox/.archives"
TAKEN_WITHIN_SECONDS = 300
KEPT_SECONDS = 90 * 86400
REMEMBERED = 256


@dataclass(frozen=True)
class _Last:
    fingerprint: str
    snapshot: SnapshotRef


class Snapshots:
    def __init__(self, connection: Connection, requests: Requests) -> None:
        self._connection = connection
        self._requests = requests
        self._last: OrderedDict[str, _Last] = OrderedDict()
        """By sandbox, of this process: another worker takes one more, which is no harm."""

    async def take(self, ref: SandboxRef) -> SnapshotRef:
        """The last one again, when nothing has changed since."""
        prepared, _ = await self._requests.ask(
            ref, "prepare", logs=LOGS, passing=[ARCHIVES, INCOMING], roots=FOLDERS
        )
        last = self._last.get(ref.sandbox_id)
        is_same = last is not None and last.fingerprint == prepared["fingerprint"] != ""
        if (
            last is not None
            and is_same
            and await self._connection.has_image(last.snapshot.snapshot_id)
        ):
            return last.snapshot
        snapshot = await self._take(ref, prepared["size"])
        self._last[ref.sandbox_id] = _Last(prepared["fingerprint"], snapshot)
        while len(self._last) > REMEMBERED:
            self._last.popitem(last=False)
        return snapshot

    async def delete(self, snapshots: list[SnapshotRef]) -> None:
        """Those already gone are fine."""
        client = await self._connection.client()
        for snapshot in snapshots:
            try:
                async with deadline("delete a snapshot", LOOK_SECONDS):
                    await image_delete.aio(snapshot.snapshot_id, client=client)
            except SandboxGone:
                continue

    async def _take(self, ref: SandboxRef, size_bytes: int) -> SnapshotRef:
        created_at = time.time()
        try:
            sandbox = await self._connection.sandbox(ref.sandbox_id)
            async with deadline("take a snapshot", TAKEN_WITHIN_SECONDS + ANSWER_SECONDS):
                image = await sandbox.snapshot_filesystem.aio(
                    timeout=TAKEN_WITHIN_SECONDS, ttl=KEPT_SECONDS
                )
        except SandboxGone as doubt:
            raise await self._connection.gone_or_retryable(ref.sandbox_id, doubt) from doubt
        return SnapshotRef(
            snapshot_id=image.object_id,
            created_at=created_at,
            size_bytes=size_bytes,
            expires_at=created_at + KEPT_SECONDS,
        )
