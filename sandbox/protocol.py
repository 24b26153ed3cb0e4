"""Owns the words of a sandbox: the values that cross a process or a journal, and the backend's
contract.

Wire models only grow, with defaults. Paths in them are inside the sandbox: relative ones start
at the
project folder. No SDK object, socket or secret is ever part of one.
"""

from collections.abc import AsyncIterator
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

BackendName = Literal["local", "modal"]

PROJECT_DIR = "/project"
"""The project folder as code in the sandbox sees it, on every backend."""


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class SandboxRef(Wire):
    """A handle on one running sandbox. Dead handles are told by `SandboxGone`, never reused."""

    backend: BackendName
    name: str
    """Deterministic name, from the session key; how every worker finds the same sandbox."""
    sandbox_id: str
    generation: int
    """Grows each time the sandbox is started anew; processes of earlier generations are gone."""
    created_at: float
    expires_at: float
    """Unix seconds after which the backend may stop it."""
    restored_from: str | None = None
    """Id of the snapshot this generation started from; None: its own files, or an empty project."""
    empty: bool = False
    """This generation started with an empty project: nothing was there to bring back."""


class SnapshotRef(Wire):
    snapshot_id: str
    created_at: float
    size_bytes: int = 0
    expires_at: float | None = None


class Lease(Wire):
    """What `Sandbox.acquire` grants: the right to use the sandbox until `expires_at`."""

    ref: SandboxRef
    note: str = ""
    """One sentence for the thread when files come from a snapshot or could not be brought back."""


class AcquireRequest(Wire):
    owner: str
    """Task key (or download id) that holds the lease."""
    ttl_seconds: int = 3600


class ReleaseRequest(Wire):
    owner: str


class Nothing(Wire):
    """The input of a handler that asks nothing."""


class Expiry(Wire):
    """A durable timer of the sandbox. It acts only if it is still the one recorded."""

    generation: int


class CheckpointRequest(Wire):
    stop_if_uses: int | None = None
    """Stop the sandbox afterwards, provided it was acquired no more often than this meanwhile."""


class Settlement(Wire):
    """How a checkpoint ended."""

    snapshot: SnapshotRef | None = None
    gone: bool = False
    """The sandbox had already ended."""
    stop_if_uses: int | None = None


class Command(Wire):
    command: str
    """Text for `bash -lc`."""
    workdir: str = "."
    timeout_seconds: int = 120


class JobState(Wire):
    """One poll of a job: what it printed since `offset`, and how it ended."""

    exit_code: int | None = None
    """None while it runs. 124 with `timed_out`, 128+n for signal n."""
    chunk: str = ""
    """Output (stdout and stderr as one), decoded as UTF-8 with replacement."""
    next_offset: int = 0
    """Byte offset to ask for next."""
    size_bytes: int = 0
    """Bytes in the log so far."""
    timed_out: bool = False
    cancelled: bool = False
    lost: bool = False
    """The job ended with its sandbox, without an exit code."""
    seconds: float = 0.0
    log_path: str = ""
    """The whole log, readable inside the sandbox."""


class CommandResult(Wire):
    """A command as the agent sees it: how it ended, its output clipped to what a model reads."""

    exit_code: int | None = None
    """None while it runs, and when it was lost."""
    output: str = ""
    output_bytes: int = 0
    """Bytes it printed in all."""
    seconds: float = 0.0
    timed_out: bool = False
    cancelled: bool = False
    lost: bool = False
    """The sandbox was restarted while it ran. It may have done a part of its work."""
    log_path: str = ""


class FileText(Wire):
    path: str
    text: str
    size_bytes: int
    truncated: bool = False
    """The file is longer than the limit asked for."""
    binary: bool = False


class FileInfo(Wire):
    path: str
    kind: Literal["file", "directory", "link", "other"] = "file"
    size_bytes: int = 0


class FileList(Wire):
    files: list[FileInfo]
    truncated: bool = False


class ArchiveInfo(Wire):
    """A finished archive, waiting inside the sandbox to be streamed."""

    archive_id: str
    file_name: str
    size_bytes: int
    file_count: int


class Done(Wire):
    """The result of an effect that has nothing to say."""


class Backend(Protocol):
    """Where sandboxes run. Every method is safe to call twice and may be called from any worker.

    `fence` orders writers: a sandbox remembers the highest one it has seen and refuses lower ones
    with `Fenced`, so late work of a stopped task cannot touch newer files.

    Raises (all methods): `SandboxGone`, `Fenced` (writers), `FileProblem` (files), `Retryable`,
    `Fatal`.
    """

    async def probe(self) -> None:
        """Raises Fatal, with the cause and the fix, when sandboxes cannot work here."""
        ...

    async def ensure(
        self, name: str, known: SandboxRef | None, snapshots: list[SnapshotRef]
    ) -> SandboxRef:
        """The running sandbox of this name: kept, adopted, or started (newest usable snapshot,
        else empty)."""
        ...

    async def renew(self, ref: SandboxRef, ttl_seconds: int) -> SandboxRef: ...

    async def raise_fence(self, ref: SandboxRef, fence: int) -> None:
        """From now on refuse writers below `fence`; their running jobs are killed."""
        ...

    async def start(self, ref: SandboxRef, job_id: str, command: Command, fence: int) -> None:
        """Start a detached job; a known `job_id` attaches to the first start, whatever became of
        it."""
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

    async def write(self, ref: SandboxRef, path: str, data: bytes, fence: int) -> None:
        """Replace the whole file atomically; parents are made."""
        ...

    async def remove(self, ref: SandboxRef, path: str, fence: int) -> None: ...

    async def list_files(self, ref: SandboxRef, path: str, limit: int) -> FileList:
        """Recursive, sorted, `.git` and dependency folders left out."""
        ...

    async def snapshot(self, ref: SandboxRef) -> SnapshotRef: ...

    async def make_archive(self, ref: SandboxRef, archive_id: str, title: str) -> ArchiveInfo:
        """Pack the project inside the sandbox, bounded in size; same id, same archive."""
        ...

    def read_archive(self, ref: SandboxRef, archive: ArchiveInfo) -> AsyncIterator[bytes]: ...

    async def stop(self, ref: SandboxRef) -> None:
        """End all processes; the files stay."""
        ...

    async def destroy(self, name: str) -> None:
        """End all processes and delete the files and snapshots; already gone is success."""
        ...

    async def aclose(self) -> None: ...
