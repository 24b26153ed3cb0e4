"""Owns the contract of a backend: what every place where sandboxes run must promise.

`tests/integration/backend_contract/` holds all of them to it.
"""

from collections.abc import AsyncIterator
from typing import Protocol

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


class Backend(Protocol):
    """Where sandboxes run. Every method is safe to call twice and may be called from any worker.

    `fence` orders writers: a sandbox remembers the highest one it has seen and refuses lower ones
    with `Fenced`, so late work of a stopped task cannot touch newer files.

    Raises (all methods): `SandboxGone`, `Fenced` (writers), `FileProblem` (files), `Retryable`,
    `Fatal`.
    """

    async def probe(self) -> list[Finding]:
        """Start, use and end one sandbox for real. What fails is a finding, not an error."""
        ...

    async def ensure(
        self, spec: SandboxSpec, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> SandboxRef:
        """The running sandbox of this name: kept, adopted after a lost answer, or started.

        A new one holds the files of the newest snapshot that can be used, else of the one before,
        else none; `restored_from` and `empty` tell. One that cannot be reached is `Retryable`,
        never replaced.
        """
        ...

    async def renew(self, ref: SandboxRef, ttl_seconds: int) -> SandboxRef:
        """Keep it at least that long, as far as its hard limit allows."""
        ...

    async def raise_fence(self, ref: SandboxRef, fence: int) -> None:
        """From now on refuse writers below `fence`; their running jobs are killed, but for those
        with `keep`."""
        ...

    async def start(
        self,
        ref: SandboxRef,
        job_id: str,
        command: Command,
        fence: int,
        wait_seconds: float = 0.0,
        limit_bytes: int = 0,
    ) -> JobState:
        """Start a detached job, then look at it as `poll` does from offset 0.

        A known `job_id` attaches to the first start, whatever became of it.
        """
        ...

    async def poll(
        self, ref: SandboxRef, job_id: str, offset: int, wait_seconds: float, limit_bytes: int
    ) -> JobState:
        """Wait up to `wait_seconds` for the job's end; give at most `limit_bytes` of output from
        `offset`."""
        ...

    async def cancel(self, ref: SandboxRef, job_id: str) -> None:
        """Kill the job's process group and marked descendants; unknown or ended jobs are fine."""
        ...

    async def read(self, ref: SandboxRef, path: str, limit_bytes: int) -> FileText: ...

    async def read_bytes(
        self, ref: SandboxRef, path: str, limit_bytes: int, offset: int = 0
    ) -> bytes:
        """At most `limit_bytes` (and 8 MB) of the file from `offset`."""
        ...

    async def write(self, ref: SandboxRef, path: str, data: bytes, fence: int) -> None:
        """Replace the whole file atomically; parents are made."""
        ...

    async def write_stream(
        self, ref: SandboxRef, path: str, chunks: AsyncIterator[bytes], fence: int
    ) -> int:
        """As `write`, for content of any size, held in parts only; returns how many bytes it was.

        What `chunks` raises is raised, and the file is as it was before.
        """
        ...

    async def remove(self, ref: SandboxRef, path: str, fence: int) -> None: ...

    async def list_files(self, ref: SandboxRef, path: str, limit: int) -> FileList:
        """Recursive, sorted, `.git` and dependency folders left out."""
        ...

    async def snapshot(self, ref: SandboxRef) -> SnapshotRef:
        """Of all files the session owns, also while commands run."""
        ...

    async def forget(self, name: str, snapshots: list[SnapshotRef]) -> None:
        """Delete these snapshots; those already gone are fine."""
        ...

    async def make_archive(
        self, ref: SandboxRef, archive_id: str, title: str, limit_bytes: int = ARCHIVE_BYTES
    ) -> ArchiveInfo:
        """Pack the project inside the sandbox; same id, same archive.

        Raises `FileProblem` for a larger project: how large, and where its bytes are.
        """
        ...

    def read_archive(self, ref: SandboxRef, archive: ArchiveInfo) -> AsyncIterator[bytes]: ...

    async def expose(self, ref: SandboxRef, port: int) -> Preview:
        """An address for what listens, now or later, on `port` of the sandbox's loopback."""
        ...

    async def hide(self, ref: SandboxRef, port: int) -> None:
        """Close the address of `port`, as far as the backend can: the next one is another, or the
        same again where addresses are given for life. One that is not shown is fine."""
        ...

    async def stop(self, ref: SandboxRef) -> None:
        """End all processes of this generation; already ended is fine.

        Files outlive it only as far as the backend keeps them: snapshot first.
        """
        ...

    async def destroy(
        self, name: str, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> None:
        """End all processes and delete the files and snapshots; already gone is success."""
        ...

    async def running(self) -> list[Found]:
        """Every sandbox of this deployment that runs, for the sweep."""
        ...

    async def end(self, found: Found) -> None:
        """Stop one that nobody owns; already gone is success."""
        ...

    async def aclose(self) -> None: ...
