"""Owns the local backend: `sandbox.protocol.Backend`, spoken to supervisors on this machine.

Holds nothing but settings. Any process with the same state folder is an equal worker.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from functools import cached_property
from pathlib import Path
from typing import Any

from sandbox import paths
from sandbox.backends.local import channel
from sandbox.backends.local.channel import NotRunning
from sandbox.backends.local.installation import Installation, install
from sandbox.backends.local.launcher import run_program
from sandbox.backends.local.machine import survey
from sandbox.backends.local.programs.outside.ledger import slug_of
from sandbox.backends.local.programs.outside.service import VERSION
from sandbox.errors import Fatal, FileProblem, Retryable, SandboxGone
from sandbox.protocol import (
    ArchiveInfo,
    Command,
    FileInfo,
    FileList,
    FileText,
    JobState,
    SandboxRef,
    SnapshotRef,
)
from sandbox.settings import Settings

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
ARCHIVES = "/home/sandbox/.archives"
ARCHIVE_BYTES = 256 << 20
SNAPSHOT_BYTES = 2 << 30
WRITE_BYTES = 16 << 20
READ_BYTES = 8 << 20
CHUNK_BYTES = 1 << 20
STARTS_WITHIN_SECONDS = 60.0
LOOK_SECONDS = 0.02
ANSWER_SECONDS = 60.0
LONG_SECONDS = 900.0
"""Bound of packing a whole project."""
LATER_BYTE = range(0x80, 0xC0)
"""Bytes that continue a UTF-8 character."""


class LocalBackend:
    """
    Args:
        lease_margin_seconds: a sandbox nobody manages any more ends itself this long after it
            would have been idle.
    """

    def __init__(self, settings: Settings, lease_margin_seconds: int = 600) -> None:
        self._settings = settings
        self._lease_margin_seconds = lease_margin_seconds

    @cached_property
    def _installation(self) -> Installation:
        return install(self._settings, survey(self._settings))

    async def probe(self) -> None:
        """Start one sandbox as hardened as all others. Raises Fatal when this machine cannot."""
        try:
            await run_program(await self._installed(), "probe")
        except Retryable as error:
            raise Fatal(str(error)) from error

    # --- life ---------------------------------------------------------------------------------

    async def ensure(
        self, name: str, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> SandboxRef:
        installation = await self._installed()
        deadline = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < deadline:
            try:
                return self._ref(name, (await self._ask(name, {"op": "hello"}))[0])
            except NotRunning:
                pass
            except SandboxGone:  # started by a release that speaks otherwise
                await self._end(name, {})
            told = await run_program(
                installation,
                "supervise",
                name=name,
                known_generation=known.generation if known else 0,
                snapshot_ids=[s.snapshot_id for s in snapshots],
                lease_seconds=self._settings.idle_seconds + self._lease_margin_seconds,
                memory_bytes=self._settings.memory_mb << 20,
                disk_bytes=self._settings.disk_mb << 20,
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

    async def destroy(self, name: str) -> None:
        await self._end(name, {})
        await run_program(await self._installed(), "destroy", name=_checked(name))

    async def aclose(self) -> None:
        """Nothing is held: sandboxes outlive workers on purpose."""

    # --- commands -----------------------------------------------------------------------------

    async def start(self, ref: SandboxRef, job_id: str, command: Command, fence: int) -> None:
        await self._call(
            ref,
            "start",
            job=job_id,
            command=command.command,
            workdir=paths.absolute(command.workdir),
            timeout_seconds=command.timeout_seconds,
            fence=fence,
        )

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
        end = answer["end"] or {}
        is_end = bool(end) and answer["next_offset"] >= answer["size"]
        data, held_back = _whole_characters(data, is_start=offset == 0, is_end=is_end)
        return JobState(
            exit_code=end.get("exit_code"),
            chunk=data.decode("utf-8", "replace"),
            next_offset=answer["next_offset"] - held_back,
            size_bytes=answer["size"],
            timed_out=end.get("timed_out", False),
            cancelled=end.get("cancelled", False),
            lost=answer["lost"],
            seconds=answer["seconds"],
            log_path=answer["log_path"],
        )

    async def cancel(self, ref: SandboxRef, job_id: str) -> None:
        await self._call(ref, "cancel", job=job_id)

    # --- files --------------------------------------------------------------------------------

    async def read(self, ref: SandboxRef, path: str, limit_bytes: int) -> FileText:
        limit = min(limit_bytes, READ_BYTES)
        answer, data = await self._call(ref, "read", path=paths.absolute(path), limit=limit)
        truncated = answer["size"] > len(data)
        whole, _ = _whole_characters(data, is_start=True, is_end=not truncated)
        return FileText(
            path=answer["shown"],
            text="" if b"\0" in data else whole.decode("utf-8", "replace"),
            size_bytes=answer["size"],
            truncated=truncated,
            binary=not _is_text(whole),
        )

    async def write(self, ref: SandboxRef, path: str, data: bytes, fence: int) -> None:
        if len(data) > WRITE_BYTES:
            raise FileProblem(
                f"{path} has more than the {WRITE_BYTES >> 20} MB one write may hold."
            )
        await self._call(ref, "write", body=data, path=paths.absolute(path), fence=fence)

    async def remove(self, ref: SandboxRef, path: str, fence: int) -> None:
        await self._call(ref, "remove", path=paths.absolute(path), fence=fence)

    async def list_files(self, ref: SandboxRef, path: str, limit: int) -> FileList:
        answer, _ = await self._call(ref, "list", path=paths.absolute(path), limit=limit)
        files = [FileInfo(path=p, kind=kind, size_bytes=size) for p, kind, size in answer["files"]]
        return FileList(files=files, truncated=answer["truncated"])

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

    async def make_archive(self, ref: SandboxRef, archive_id: str, title: str) -> ArchiveInfo:
        title = paths.slug(title)
        answer, _ = await self._call(
            ref,
            "archive",
            answer_within=LONG_SECONDS,
            slug=slug_of(archive_id),
            title=title,
            limit=ARCHIVE_BYTES,
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
            return await self._ask(ref.name, header, body, answer_within)
        except NotRunning:
            raise SandboxGone("The sandbox has ended; its files are kept.") from None

    async def _ask(
        self,
        name: str,
        header: channel.Header,
        body: bytes = b"",
        answer_within: float = ANSWER_SECONDS,
    ) -> tuple[channel.Header, bytes]:
        header = {"version": VERSION, **header}
        return await channel.ask(self._box(name), header, body, answer_within)

    async def _end(self, name: str, header: channel.Header) -> None:
        """The supervisor hangs up without an answer once everything has ended."""
        try:
            await self._ask(name, {"op": "stop", **header})
        except (NotRunning, SandboxGone):
            return

    async def _installed(self) -> Installation:
        return await asyncio.to_thread(lambda: self._installation)

    def _box(self, name: str) -> Path:
        return self._settings.state_dir / "boxes" / _checked(name)

    def _ref(self, name: str, told: channel.Header) -> SandboxRef:
        return SandboxRef(
            backend="local",
            name=name,
            sandbox_id=f"{name}.{told['generation']}",
            generation=told["generation"],
            created_at=told["created_at"],
            expires_at=told["expires_at"],
            restored_from=told["restored_from"],
            empty=bool(told["empty"]),
        )


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Fatal(f"{name!r} is no name of a sandbox: use small letters, digits and dashes.")
    return name


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode("utf-8")
    except UnicodeDecodeError:
        return False


def _whole_characters(data: bytes, is_start: bool, is_end: bool) -> tuple[bytes, int]:
    """Drop the rest of a character cut at the start; hold back one cut at the end: how much?"""
    first = 0
    while not is_start and first < min(3, len(data)) and data[first] in LATER_BYTE:
        first += 1
    data = data[first:]
    if is_end:
        return data, 0
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte not in LATER_BYTE:
            length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
            return (data[:-back], back) if back < length and back < len(data) else (data, 0)
    return data, 0
