"""Owns the local backend: `sandbox.contract.Backend`, spoken to supervisors on this machine.

Holds nothing but settings. Any process with the same state folder is an equal worker.
"""

import asyncio
import time
from collections.abc import AsyncIterator

from sandbox import paths
from sandbox.backends.answers import (
    READ_BYTES,
    WRITE_BYTES,
    archive_info,
    file_list,
    file_text,
    job_state,
    understood,
)
from sandbox.backends.local import channel
from sandbox.backends.local.channel import NotRunning
from sandbox.backends.local.examination import Examination
from sandbox.backends.local.host import Host
from sandbox.backends.local.programs.outside.egress import PORT as PROXY_PORT
from sandbox.backends.local.programs.outside.ledger import slug_of
from sandbox.backends.local.requests import ANSWER_SECONDS, Requests, checked
from sandbox.backends.parts import Part, partial_path, read_parts, write_parts
from sandbox.errors import FileProblem, Retryable, SandboxGone
from sandbox.previews import check_port
from sandbox.protocol import (
    ARCHIVE_BYTES,
    ArchiveInfo,
    Command,
    FileList,
    FileText,
    Finding,
    Found,
    JobState,
    Preview,
    SandboxRef,
    SandboxSpec,
    SnapshotRef,
)
from sandbox.settings import Settings

ARCHIVES = "/home/sandbox/.archives"
SNAPSHOT_BYTES = 2 << 30
CHUNK_BYTES = 1 << 20
STARTS_WITHIN_SECONDS = 60.0
LOOK_SECONDS = 0.02
LONGEST_PROBE_SECONDS = 60
LONG_SECONDS = 900.0
"""Bound of packing a whole project."""


class LocalBackend:
    """
    Args:
        lease_margin_seconds: a sandbox nobody manages any more ends itself this long after it
            would have been idle.
    """

    def __init__(self, settings: Settings, lease_margin_seconds: int = 600) -> None:
        self._settings = settings
        self._host = Host(settings)
        self._requests = Requests(self._host)
        self._lease_margin_seconds = lease_margin_seconds

    async def probe(self) -> list[Finding]:
        """With a sandbox that ends soon, also when we are killed meanwhile."""
        short = self._settings.model_copy(update={"lifetime_seconds": LONGEST_PROBE_SECONDS})
        backend = LocalBackend(short)
        return await Examination(backend, backend._host, short).findings()

    # --- life ---------------------------------------------------------------------------------

    async def ensure(
        self, spec: SandboxSpec, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> SandboxRef:
        name = checked(spec.name)
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            try:
                return _ref(name, (await self._requests.ask(name, {"op": "hello"}))[0])
            except NotRunning:
                pass
            except SandboxGone:  # started by a release that speaks otherwise
                await self._requests.end(name, {})
            told = await asyncio.to_thread(
                self._host.supervise,
                name,
                session=spec.session,
                known_generation=known.generation if known else 0,
                snapshot_ids=[s.snapshot_id for s in snapshots],
                lease_seconds=self._settings.idle_seconds + self._lease_margin_seconds,
            )
            if not told.get("busy"):
                return _ref(name, told)
            await asyncio.sleep(LOOK_SECONDS)  # another worker is starting or ending it
        raise Retryable("The sandbox is still being started or ended by another worker.")

    async def renew(self, ref: SandboxRef, ttl_seconds: int) -> SandboxRef:
        seconds = ttl_seconds + self._lease_margin_seconds
        return _ref(ref.name, (await self._requests.call(ref, "renew", ttl_seconds=seconds))[0])

    async def raise_fence(self, ref: SandboxRef, fence: int) -> None:
        await self._requests.call(ref, "fence", fence=fence)

    async def stop(self, ref: SandboxRef) -> None:
        await self._requests.end(ref.name, {"generation": ref.generation})
        await asyncio.to_thread(self._host.tidy, ref.name)

    async def destroy(
        self, name: str, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> None:
        """Whatever is in its folders goes, whether the caller knew it or not."""
        await self._requests.end(name, {})
        await asyncio.to_thread(self._host.discard, name)

    async def expose(self, ref: SandboxRef, port: int) -> Preview:
        check_port(port, self._settings.preview_ports, reserved=(PROXY_PORT,))
        answer, _ = await self._requests.call(ref, "expose", port=port)
        return Preview(port=port, url=answer["url"])

    async def hide(self, ref: SandboxRef, port: int) -> None:
        await self._requests.call(ref, "hide", port=port)

    async def running(self) -> list[Found]:
        return await asyncio.to_thread(self._host.running)

    async def end(self, found: Found) -> None:
        await self._requests.end(found.name, {"generation": found.generation})
        await asyncio.to_thread(self._host.tidy, found.name)

    async def aclose(self) -> None:
        """Nothing is held: sandboxes outlive workers on purpose."""

    # --- commands -----------------------------------------------------------------------------

    async def start(
        self,
        ref: SandboxRef,
        job_id: str,
        command: Command,
        fence: int,
        wait_seconds: float = 0.0,
        limit_bytes: int = 0,
    ) -> JobState:
        answer, data = await self._requests.call(
            ref,
            "start",
            answer_within=wait_seconds + ANSWER_SECONDS,
            job=job_id,
            command=command.command,
            workdir=paths.absolute(command.workdir),
            timeout_seconds=command.timeout_seconds,
            keep=command.keep,
            fence=fence,
            offset=0,
            wait_seconds=wait_seconds,
            limit=min(limit_bytes, READ_BYTES),
        )
        return understood(job_state, answer, data, 0)

    async def poll(
        self, ref: SandboxRef, job_id: str, offset: int, wait_seconds: float, limit_bytes: int
    ) -> JobState:
        answer, data = await self._requests.call(
            ref,
            "poll",
            answer_within=wait_seconds + ANSWER_SECONDS,
            job=job_id,
            offset=offset,
            wait_seconds=wait_seconds,
            limit=min(limit_bytes, READ_BYTES),
        )
        return understood(job_state, answer, data, offset)

    async def cancel(self, ref: SandboxRef, job_id: str) -> None:
        await self._requests.call(ref, "cancel", job=job_id)

    # --- files --------------------------------------------------------------------------------

    async def read(self, ref: SandboxRef, path: str, limit_bytes: int) -> FileText:
        limit = min(limit_bytes, READ_BYTES)
        answer, data = await self._requests.call(
            ref, "read", path=paths.absolute(path), limit=limit
        )
        return understood(file_text, answer, data)

    async def read_bytes(
        self, ref: SandboxRef, path: str, limit_bytes: int, offset: int = 0
    ) -> bytes:
        limit, path = min(limit_bytes, READ_BYTES), paths.absolute(path)
        _, data = await self._requests.call(ref, "read", path=path, offset=offset, limit=limit)
        return data

    async def write(self, ref: SandboxRef, path: str, data: bytes, fence: int) -> None:
        if len(data) > WRITE_BYTES:
            raise FileProblem(
                f"{path} has more than the {WRITE_BYTES >> 20} MB one write may hold."
            )
        await self._requests.call(ref, "write", body=data, path=paths.absolute(path), fence=fence)

    async def write_stream(
        self, ref: SandboxRef, path: str, chunks: AsyncIterator[bytes], fence: int
    ) -> int:
        target = paths.absolute(path)
        partial = partial_path(target)

        async def put(part: Part) -> None:
            await self._requests.call(
                ref,
                "append",
                body=part.data,
                path=target,
                partial=partial,
                offset=part.offset,
                last=part.last,
                fence=fence,
            )

        return await write_parts(chunks, put, lambda: self.remove(ref, partial, fence))

    async def remove(self, ref: SandboxRef, path: str, fence: int) -> None:
        await self._requests.call(ref, "remove", path=paths.absolute(path), fence=fence)

    async def list_files(self, ref: SandboxRef, path: str, limit: int) -> FileList:
        answer, _ = await self._requests.call(ref, "list", path=paths.absolute(path), limit=limit)
        return understood(file_list, answer)

    # --- keeping ------------------------------------------------------------------------------

    async def snapshot(self, ref: SandboxRef) -> SnapshotRef:
        answer, _ = await self._requests.call(
            ref, "snapshot", answer_within=LONG_SECONDS, limit=SNAPSHOT_BYTES
        )
        return SnapshotRef(
            snapshot_id=answer["snapshot_id"],
            created_at=answer["created_at"],
            size_bytes=answer["size"],
        )

    async def forget(self, name: str, snapshots: list[SnapshotRef]) -> None:
        ids = [snapshot.snapshot_id for snapshot in snapshots]
        await asyncio.to_thread(self._host.forget, checked(name), ids)

    async def make_archive(
        self, ref: SandboxRef, archive_id: str, title: str, limit_bytes: int = ARCHIVE_BYTES
    ) -> ArchiveInfo:
        title = paths.slug(title)
        answer, _ = await self._requests.call(
            ref,
            "archive",
            answer_within=LONG_SECONDS,
            slug=slug_of(archive_id),
            title=title,
            limit=limit_bytes,
        )
        return understood(archive_info, answer, archive_id, title, limit_bytes)

    async def read_archive(self, ref: SandboxRef, archive: ArchiveInfo) -> AsyncIterator[bytes]:
        """Exactly `size_bytes` bytes, whatever became of the file meanwhile, or FileProblem."""
        path = f"{ARCHIVES}/{slug_of(archive.archive_id)}/{archive.file_name}"

        async def read(offset: int, limit: int) -> bytes:
            return await self.read_bytes(ref, path, limit, offset)

        async for data in read_parts(archive.size_bytes, read, CHUNK_BYTES):
            yield data


def _ref(name: str, told: channel.Header) -> SandboxRef:
    return SandboxRef(
        backend="local",
        name=name,
        sandbox_id=f"{name}.{told['generation']}",
        generation=told["generation"],
        created_at=told["created_at"],
        expires_at=told["expires_at"],
        hard_limit=told.get("hard_limit"),
        restored_from=told["restored_from"],
        empty=bool(told["empty"]),
    )
