"""Owns the local backend: `sandbox.contract.Backend`, spoken to supervisors on this machine.

Holds nothing but settings. Any process with the same state folder is an equal worker.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

from sandbox import paths
from sandbox.backends.answers import (
    NONSENSE,
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
from sandbox.backends.local.programs.inside.joblog import MARK_BYTES
from sandbox.backends.local.programs.outside.egress import PORT as PROXY_PORT
from sandbox.backends.local.programs.outside.ledger import slug_of
from sandbox.backends.local.programs.outside.service import VERSION
from sandbox.backends.parts import Part, partial_path, write_parts
from sandbox.errors import Fatal, FileProblem, Retryable, SandboxGone
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

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
ARCHIVES = "/home/sandbox/.archives"
SNAPSHOT_BYTES = 2 << 30
CHUNK_BYTES = 1 << 20
STARTS_WITHIN_SECONDS = 60.0
LOOK_SECONDS = 0.02
ANSWER_SECONDS = 60.0
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
        name = _checked(spec.name)
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            try:
                return self._ref(name, (await self._ask(name, {"op": "hello"}))[0])
            except NotRunning:
                pass
            except SandboxGone:  # started by a release that speaks otherwise
                await self._end(name, {})
            told = await asyncio.to_thread(
                self._host.supervise,
                name,
                session=spec.session,
                known_generation=known.generation if known else 0,
                snapshot_ids=[s.snapshot_id for s in snapshots],
                lease_seconds=self._settings.idle_seconds + self._lease_margin_seconds,
            )
            if not told.get("busy"):
                return self._ref(name, told)
            await asyncio.sleep(LOOK_SECONDS)  # another worker is starting or ending it
        raise Retryable("The sandbox is still being started or ended by another worker.")

    async def renew(self, ref: SandboxRef, ttl_seconds: int) -> SandboxRef:
        seconds = ttl_seconds + self._lease_margin_seconds
        return self._ref(ref.name, (await self._call(ref, "renew", ttl_seconds=seconds))[0])

    async def raise_fence(self, ref: SandboxRef, fence: int) -> None:
        await self._call(ref, "fence", fence=fence)

    async def stop(self, ref: SandboxRef) -> None:
        await self._end(ref.name, {"generation": ref.generation})
        await asyncio.to_thread(self._host.tidy, ref.name)

    async def destroy(
        self, name: str, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> None:
        """Whatever is in its folders goes, whether the caller knew it or not."""
        await self._end(name, {})
        await asyncio.to_thread(self._host.discard, name)

    async def expose(self, ref: SandboxRef, port: int) -> Preview:
        check_port(port, self._settings.preview_ports, reserved=(PROXY_PORT,))
        answer, _ = await self._call(ref, "expose", port=port)
        return Preview(port=port, url=answer["url"])

    async def hide(self, ref: SandboxRef, port: int) -> None:
        await self._call(ref, "hide", port=port)

    async def running(self) -> list[Found]:
        return await asyncio.to_thread(self._host.running)

    async def end(self, found: Found) -> None:
        await self._end(found.name, {"generation": found.generation})
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
        answer, data = await self._call(
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
        answer, data = await self._call(
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
        await self._call(ref, "cancel", job=job_id)

    # --- files --------------------------------------------------------------------------------

    async def read(self, ref: SandboxRef, path: str, limit_bytes: int) -> FileText:
        limit = min(limit_bytes, READ_BYTES)
        answer, data = await self._call(ref, "read", path=paths.absolute(path), limit=limit)
        return understood(file_text, answer, data)

    async def read_bytes(
        self, ref: SandboxRef, path: str, limit_bytes: int, offset: int = 0
    ) -> bytes:
        limit, path = min(limit_bytes, READ_BYTES), paths.absolute(path)
        _, data = await self._call(ref, "read", path=path, offset=offset, limit=limit)
        return data

    async def write(self, ref: SandboxRef, path: str, data: bytes, fence: int) -> None:
        if len(data) > WRITE_BYTES:
            raise FileProblem(
                f"{path} has more than the {WRITE_BYTES >> 20} MB one write may hold."
            )
        await self._call(ref, "write", body=data, path=paths.absolute(path), fence=fence)

    async def write_stream(
        self, ref: SandboxRef, path: str, chunks: AsyncIterator[bytes], fence: int
    ) -> int:
        target = paths.absolute(path)
        partial = partial_path(target)

        async def put(part: Part) -> None:
            await self._call(
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
        await self._call(ref, "remove", path=paths.absolute(path), fence=fence)

    async def list_files(self, ref: SandboxRef, path: str, limit: int) -> FileList:
        answer, _ = await self._call(ref, "list", path=paths.absolute(path), limit=limit)
        return understood(file_list, answer)

    # --- keeping ------------------------------------------------------------------------------

    async def snapshot(self, ref: SandboxRef) -> SnapshotRef:
        answer, _ = await self._call(
            ref, "snapshot", answer_within=LONG_SECONDS, limit=SNAPSHOT_BYTES
        )
        return SnapshotRef(
            snapshot_id=answer["snapshot_id"],
            created_at=answer["created_at"],
            size_bytes=answer["size"],
        )

    async def forget(self, name: str, snapshots: list[SnapshotRef]) -> None:
        ids = [snapshot.snapshot_id for snapshot in snapshots]
        await asyncio.to_thread(self._host.forget, _checked(name), ids)

    async def make_archive(
        self, ref: SandboxRef, archive_id: str, title: str, limit_bytes: int = ARCHIVE_BYTES
    ) -> ArchiveInfo:
        title = paths.slug(title)
        answer, _ = await self._call(
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
        offset = 0
        while offset < archive.size_bytes:
            limit = min(CHUNK_BYTES, archive.size_bytes - offset)
            _, data = await self._call(ref, "read", path=path, offset=offset, limit=limit)
            if not data:
                raise FileProblem("The archive was changed while it was read: ask for it again.")
            offset += len(data)
            yield data

    # --- requests -----------------------------------------------------------------------------

    async def _call(
        self,
        ref: SandboxRef,
        op: str,
        body: bytes = b"",
        answer_within: float = ANSWER_SECONDS,
        **fields: Any,
    ) -> tuple[channel.Header, bytes]:
        header = {"op": op, "generation": ref.generation, **fields}
        try:
            answer, data = await self._ask(ref.name, header, body, answer_within)
        except NotRunning:
            raise SandboxGone("The sandbox has ended; its files are kept.") from None
        if len(data) > fields.get("limit", 0) + MARK_BYTES:
            raise Fatal(NONSENSE)
        return answer, data

    async def _ask(
        self,
        name: str,
        header: channel.Header,
        body: bytes = b"",
        answer_within: float = ANSWER_SECONDS,
    ) -> tuple[channel.Header, bytes]:
        header = {"version": VERSION, **header}
        return await channel.ask(self._host.box(_checked(name)), header, body, answer_within)

    async def _end(self, name: str, header: channel.Header) -> None:
        """The supervisor hangs up without an answer once everything has ended."""
        try:
            await self._ask(name, {"op": "stop", **header})
        except (NotRunning, SandboxGone):
            return

    def _ref(self, name: str, told: channel.Header) -> SandboxRef:
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


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Fatal(f"{name!r} is no name of a sandbox: use small letters, digits and dashes.")
    return name
