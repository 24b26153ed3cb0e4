"""Owns the words of a sandbox: the values that cross a process or a journal.

Wire models only grow, with defaults. Paths in them are inside the sandbox: relative ones start
at the project folder. No SDK object, socket or secret is ever part of one.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

BackendName = Literal["local", "modal"]

PROJECT_DIR = "/project"
"""The project folder as code in the sandbox sees it, on every backend."""

ARCHIVE_BYTES = 256 << 20
"""Most that an archive holds, packed or not, when nothing else was asked for."""


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class SandboxSpec(Wire):
    """Whose sandbox is meant. Both are deterministic, so that every worker means the same one."""

    name: str
    session: str
    """Session key; a sweep asks its `Sandbox` object whether a found sandbox is still owned."""


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
    hard_limit: float | None = None
    """Unix seconds at which the backend ends it, whatever is renewed; None: no such limit."""
    restored_from: str | None = None
    """Id of the snapshot this generation started from; None: its own files, or an empty project."""
    empty: bool = False
    """This generation started with an empty project: nothing was there to bring back."""


class SnapshotRef(Wire):
    snapshot_id: str
    created_at: float
    size_bytes: int = 0
    expires_at: float | None = None
    """Unix seconds after which the backend deletes it; None: kept until it is forgotten."""
    label: str = ""
    """What the project held by then, for people: `"step 4"`."""
    mark: str = ""
    """The same for whoever asked for it: says what need not be done again."""


class Found(Wire):
    """A sandbox that runs, as a sweep meets it."""

    name: str
    session: str
    sandbox_id: str
    generation: int
    created_at: float


class Preview(Wire):
    """A port of the sandbox that a browser can open."""

    port: int
    url: str
    """Unguessable; whoever has it can open it."""


FindingState = Literal["ok", "limited", "off", "failed"]


class Finding(Wire):
    """One line of what a probe found out. `limited`: works with less than the best protection."""

    what: str
    """A few words: `"memory and process limits"`."""
    state: FindingState
    detail: str
    """What is in force, or the cause why not."""
    fix: str = ""
    """What to do about it; empty for ok and off."""


class Lease(Wire):
    """What `Sandbox.acquire` grants: the right to use the sandbox until `expires_at`."""

    ref: SandboxRef
    note: str = ""
    """For the thread when the sandbox was started anew: why, and as of when its files are."""
    restored: SnapshotRef | None = None
    """The snapshot this generation started from, in the lease that started it."""
    rolled_back: bool = False
    """What was done after `restored` is not in the files (None: nothing is): do it again."""


class AcquireRequest(Wire):
    owner: str
    """Task key (or download id) that holds the lease."""
    ttl_seconds: int = 3600
    known_generation: int | None = None
    """The one `owner` used last: it is told of every roll-back since, whoever met it first."""


class ReleaseRequest(Wire):
    owner: str


class Nothing(Wire):
    """The input of a handler that asks nothing."""


class Expiry(Wire):
    """A durable timer of the sandbox. It acts only if it is still the one recorded."""

    generation: int


class CheckpointRequest(Wire):
    label: str = ""
    mark: str = ""
    stop_if_uses: int | None = None
    """Stop the sandbox afterwards, provided it was acquired no more often than this meanwhile."""
    stop_generation: int | None = None
    """Stop this generation afterwards, whoever uses it: it is near its hard limit."""


class Settlement(Wire):
    """How a checkpoint ended."""

    snapshot: SnapshotRef | None = None
    gone: bool = False
    """The sandbox had already ended."""
    generation: int = 0
    """The one that was looked at."""
    stop_if_uses: int | None = None
    stop_generation: int | None = None


class Ownership(Wire):
    """Whether a session still wants a sandbox that was found running."""

    owned: bool


class Command(Wire):
    command: str
    """Text for `bash -lc`."""
    workdir: str = "."
    timeout_seconds: int = 120
    keep: bool = False
    """A higher fence does not end it: it goes on beside later work, until its time limit or a
    `cancel`."""


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
    next_offset: int = 0
    """Where output begins that is not told here."""


class FileText(Wire):
    path: str
    text: str
    size_bytes: int
    truncated: bool = False
    """The file is longer than the limit asked for."""
    binary: bool = False


class Written(Wire):
    """A file that was received."""

    size_bytes: int


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
