"""Owns the modal backend: `sandbox.contract.Backend`, spoken to Modal's cloud.

Holds settings and a connection. Any process with the same token and app is an equal worker.
"""

import re
import time
from collections.abc import AsyncIterator

from sandbox import paths
from sandbox.backends.answers import (
    READ_BYTES,
    WRITE_BYTES,
    file_list,
    file_text,
    job_state,
)
from sandbox.backends.local.programs.outside.bwrap import ENVIRONMENT
from sandbox.backends.local.programs.outside.ledger import log_path, slug_of
from sandbox.backends.modal.connection import LOOK_SECONDS, Connection
from sandbox.backends.modal.failures import deadline
from sandbox.backends.modal.life import Life
from sandbox.backends.modal.rehearsal import rehearse
from sandbox.backends.modal.requests import ANSWER_SECONDS, Requests
from sandbox.backends.modal.snapshots import ARCHIVES, Snapshots
from sandbox.backends.parts import Part, partial_path, read_parts, write_parts
from sandbox.errors import Fatal, FileProblem, SandboxGone
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

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,47}")
"""With a generation behind it, at most the 64 characters Modal allows."""
AS_ROOT = {"USER": "root"}
LONGEST_WAIT_SECONDS = 25.0
"""Of one exec: longer ones are cut when a worker of Modal reconnects."""
LONG_SECONDS = 900.0
"""Bound of packing a whole project."""
CHUNK_BYTES = 4 << 20


class ModalBackend:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection = Connection(settings)
        self._life = Life(settings, self._connection)
        self._requests = Requests(self._connection)
        self._snapshots = Snapshots(self._connection, self._requests)

    async def probe(self) -> list[Finding]:
        """Start, use, restore and end one sandbox for real."""
        return await rehearse(self, self._settings, self._connection)

    # --- life ---------------------------------------------------------------------------------

    async def ensure(
        self, spec: SandboxSpec, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> SandboxRef:
        _check(spec.name)
        generation = known.generation + 1 if known else 1
        if known is not None and known.backend == "modal" and await self._life.is_running(known):
            if not self._life.is_near_its_end(known):
                return self._life.seen(known)
            snapshots = [*await self._last_snapshot(known), *snapshots]
            await self._life.end(known.sandbox_id)
        return await self._life.create(spec, generation, snapshots)

    async def _last_snapshot(self, ref: SandboxRef) -> list[SnapshotRef]:
        """Of one that is about to be ended at its hard limit, so that nothing is lost."""
        try:
            return [await self.snapshot(ref)]
        except SandboxGone:
            return []

    async def renew(self, ref: SandboxRef, ttl_seconds: int) -> SandboxRef:
        """A request is what counts as use; the hard limit cannot be moved."""
        await self._requests.ask(ref, "hello")
        return self._life.seen(ref)

    async def raise_fence(self, ref: SandboxRef, fence: int) -> None:
        await self._requests.ask(ref, "fence", fence=fence)

    async def stop(self, ref: SandboxRef) -> None:
        await self._life.end(ref.sandbox_id)

    async def destroy(
        self, name: str, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> None:
        _check(name)
        if known is not None and known.backend == "modal":
            await self._life.end(known.sandbox_id)
        await self._life.end_all(name)
        await self.forget(name, snapshots)

    async def running(self) -> list[Found]:
        return await self._life.running()

    async def end(self, found: Found) -> None:
        await self._life.end(found.sandbox_id)

    async def expose(self, ref: SandboxRef, port: int) -> Preview:
        check_port(port, self._settings.preview_ports)
        try:
            sandbox = await self._connection.sandbox(ref.sandbox_id)
            async with deadline("open the port", LOOK_SECONDS):
                tunnels = await sandbox.tunnels.aio(timeout=int(LOOK_SECONDS))
        except SandboxGone as doubt:
            raise await self._connection.gone_or_retryable(ref.sandbox_id, doubt) from doubt
        if port not in tunnels:
            raise Fatal(
                f"Port {port} was added to SANDBOX_PREVIEW_PORTS after this sandbox started: it "
                "can be shown once the sandbox has been started anew."
            )
        return Preview(port=port, url=tunnels[port].url)

    async def hide(self, ref: SandboxRef, port: int) -> None:
        """A tunnel lives as long as its sandbox and cannot be closed: it shows nothing any more
        once the server behind it has ended, which is the business of whoever started it."""

    async def aclose(self) -> None:
        await self._connection.aclose()

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
        slug = slug_of(job_id)
        wait = min(wait_seconds, LONGEST_WAIT_SECONDS)
        began = time.monotonic()
        answer, data = await self._requests.ask(
            ref,
            "start",
            answer_within=wait + ANSWER_SECONDS,
            slug=slug,
            log_path=log_path(slug),
            command=command.command,
            workdir=paths.absolute(command.workdir),
            timeout_seconds=command.timeout_seconds,
            keep=command.keep,
            environment=ENVIRONMENT | AS_ROOT,
            memory_bytes=self._settings.memory_mb << 20,
            file_bytes=self._settings.disk_mb << 20,
            fence=fence,
            offset=0,
            wait_seconds=wait,
            limit=min(limit_bytes, READ_BYTES),
        )
        state = job_state(answer, data, offset=0)
        left = wait_seconds - (time.monotonic() - began)
        if _is_over(state) or left <= 0:
            return state
        return await self.poll(ref, job_id, 0, left, limit_bytes)

    async def poll(
        self, ref: SandboxRef, job_id: str, offset: int, wait_seconds: float, limit_bytes: int
    ) -> JobState:
        slug = slug_of(job_id)
        until = time.monotonic() + wait_seconds
        while True:
            left = max(0.0, until - time.monotonic())
            answer, data = await self._requests.ask(
                ref,
                "poll",
                answer_within=min(left, LONGEST_WAIT_SECONDS) + ANSWER_SECONDS,
                slug=slug,
                log_path=log_path(slug),
                offset=offset,
                wait_seconds=min(left, LONGEST_WAIT_SECONDS),
                limit=min(limit_bytes, READ_BYTES),
            )
            state = job_state(answer, data, offset)
            if _is_over(state) or left <= LONGEST_WAIT_SECONDS:
                return state

    async def cancel(self, ref: SandboxRef, job_id: str) -> None:
        await self._requests.ask(ref, "cancel", slug=slug_of(job_id))

    # --- files --------------------------------------------------------------------------------

    async def read(self, ref: SandboxRef, path: str, limit_bytes: int) -> FileText:
        limit = min(limit_bytes, READ_BYTES)
        return file_text(
            *await self._requests.ask(ref, "read", path=paths.absolute(path), limit=limit)
        )

    async def read_bytes(
        self, ref: SandboxRef, path: str, limit_bytes: int, offset: int = 0
    ) -> bytes:
        limit, path = min(limit_bytes, READ_BYTES), paths.absolute(path)
        _, data = await self._requests.ask(ref, "read", path=path, offset=offset, limit=limit)
        return data

    async def write(self, ref: SandboxRef, path: str, data: bytes, fence: int) -> None:
        if len(data) > WRITE_BYTES:
            raise FileProblem(
                f"{path} has more than the {WRITE_BYTES >> 20} MB one write may hold."
            )
        await self._requests.ask(ref, "write", data, path=paths.absolute(path), fence=fence)

    async def write_stream(
        self, ref: SandboxRef, path: str, chunks: AsyncIterator[bytes], fence: int
    ) -> int:
        target = paths.absolute(path)
        partial = partial_path(target)

        async def put(part: Part) -> None:
            await self._requests.ask(
                ref,
                "append",
                part.data,
                path=target,
                partial=partial,
                offset=part.offset,
                last=part.last,
                fence=fence,
            )

        return await write_parts(chunks, put, lambda: self.remove(ref, partial, fence))

    async def remove(self, ref: SandboxRef, path: str, fence: int) -> None:
        await self._requests.ask(ref, "remove", path=paths.absolute(path), fence=fence)

    async def list_files(self, ref: SandboxRef, path: str, limit: int) -> FileList:
        answer, _ = await self._requests.ask(ref, "list", path=paths.absolute(path), limit=limit)
        return file_list(answer)

    # --- keeping ------------------------------------------------------------------------------

    async def snapshot(self, ref: SandboxRef) -> SnapshotRef:
        """Of the whole file system; the same again when nothing has changed."""
        return await self._snapshots.take(ref)

    async def forget(self, name: str, snapshots: list[SnapshotRef]) -> None:
        await self._snapshots.delete(snapshots)

    async def make_archive(
        self, ref: SandboxRef, archive_id: str, title: str, limit_bytes: int = ARCHIVE_BYTES
    ) -> ArchiveInfo:
        title = paths.slug(title)
        answer, _ = await self._requests.ask(
            ref,
            "archive",
            answer_within=LONG_SECONDS,
            slug=slug_of(archive_id),
            title=title,
            limit=limit_bytes,
        )
        return ArchiveInfo(
            archive_id=archive_id,
            file_name=f"{title}.zip",
            size_bytes=answer["size"],
            file_count=answer["count"],
        )

    async def read_archive(self, ref: SandboxRef, archive: ArchiveInfo) -> AsyncIterator[bytes]:
        """Exactly `size_bytes` bytes, whatever became of the file meanwhile, or FileProblem."""
        path = f"{ARCHIVES}/{slug_of(archive.archive_id)}/{archive.file_name}"

        async def read(offset: int, limit: int) -> bytes:
            return await self.read_bytes(ref, path, limit, offset)

        async for data in read_parts(archive.size_bytes, read, CHUNK_BYTES):
            yield data


def _is_over(state: JobState) -> bool:
    return state.exit_code is not None or state.lost


def _check(name: str) -> None:
    if not NAME.fullmatch(name):
        raise Fatal(f"{name!r} is no name of a sandbox: use small letters, digits and dashes.")
