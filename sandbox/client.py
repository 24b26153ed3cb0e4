"""Owns what agent code holds of a sandbox inside a durable handler: commands and files. How the
sandbox is leased is `sandbox.leasing`, offered here too.

Each method is one journaled effect, named by the caller's `place`, which must be deterministic. A
command is a detached job: starting it twice under one id runs it once, so a crash between the start
and its record does no harm.

Raises, where a method says nothing else: `SandboxGone`, `Fenced`, `FileProblem`, `Fatal` (see
`sandbox.errors`), and TerminalError when the invocation is cancelled.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

import restate
from pydantic import BaseModel
from restate import Context, TerminalError

from sandbox.backend import current_backend
from sandbox.cleaning import Clean, cleaned, refuse_hidden
from sandbox.clipping import SHOWN_BYTES, clipped
from sandbox.durable import is_cancel
from sandbox.errors import Fatal, FileProblem, SandboxError
from sandbox.glance import Glance
from sandbox.journal import ATTEMPTS, effect
from sandbox.leasing import acquire, checkpoint, checkpoint_taken, hold, release
from sandbox.protocol import (
    ARCHIVE_BYTES,
    ArchiveInfo,
    Command,
    CommandResult,
    Done,
    FileList,
    FileText,
    Lease,
    Preview,
    SandboxRef,
    Written,
)

__all__ = [
    "CommandResult",
    "Glance",
    "Lease",
    "SandboxClient",
    "acquire",
    "checkpoint",
    "checkpoint_taken",
    "hold",
    "release",
]

POLL_SECONDS = 20.0
"""One effect waits at most this long; a ten-minute build is thirty journal entries."""
OVERTIME_SECONDS = 60.0
"""The sandbox ends a command at its time limit. One that goes on this long after it is given up."""

T = TypeVar("T", bound=BaseModel)

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class SandboxClient:
    """
    Args:
        fence: grows with every task and plan of the session; the sandbox refuses lower writers.
        poll_seconds: longest wait of one effect of `run`.
        clean: applied to all texts that come from the sandbox, before they are journaled.
    """

    def __init__(
        self,
        ctx: Context,
        ref: SandboxRef,
        fence: int,
        poll_seconds: float = POLL_SECONDS,
        clean: Clean | None = None,
    ) -> None:
        self._ctx = ctx
        self._ref = ref
        self._fence = fence
        self._poll_seconds = poll_seconds
        self._clean = clean

    @property
    def ref(self) -> SandboxRef:
        return self._ref

    async def claim(self, place: str) -> None:
        """Make late writes of earlier work fail, and kill its commands."""
        await self._do(place, lambda: current_backend().raise_fence(self._ref, self._fence))

    # --- commands -----------------------------------------------------------------------------

    async def run(
        self,
        place: str,
        job_id: str,
        command: Command,
        first_seconds: float | None = None,
        still_running: Callable[[], None] = lambda: None,
    ) -> CommandResult:
        """Run to the end. A cancel of the invocation kills the command before it is raised.

        Args:
            first_seconds: after this long without an end, `still_running` is called; None waits
                as long as each time.
        """
        first = self._poll_seconds if first_seconds is None else first_seconds

        async def start_and_poll() -> CommandResult:
            backend = current_backend()
            state = await backend.start(self._ref, job_id, command, self._fence, first, SHOWN_BYTES)
            return await clipped(backend, self._ref, job_id, state, also_running=False)

        async def poll() -> CommandResult:
            return await self._look(job_id, self._poll_seconds)

        most = 3 + int((command.timeout_seconds + OVERTIME_SECONDS) / self._poll_seconds)
        try:
            result = await self._effect(place, start_and_poll, CommandResult)
            for number in range(2, most + 1):
                if result.exit_code is not None or result.lost:
                    return result
                still_running()
                name = f"{place}, still running {number}"
                result = await self._effect(name, poll, CommandResult)
        except TerminalError as error:
            if is_cancel(error):
                await self._kill(place, job_id)
            raise
        if result.exit_code is None and not result.lost:
            raise Fatal("The command was not ended at its time limit: the sandbox does not react.")
        return result

    async def start(self, place: str, job_id: str, command: Command) -> None:
        """Start a background job; its own time limit ends it."""

        async def begin() -> None:
            await current_backend().start(self._ref, job_id, command, self._fence)

        await self._do(place, begin)

    async def poll(
        self, place: str, job_id: str, wait_seconds: float, offset: int = 0
    ) -> CommandResult:
        """The job now, or at its end if that comes sooner than `wait_seconds`; its output from
        `offset` (bytes)."""

        async def look() -> CommandResult:
            return await self._look(job_id, wait_seconds, True, offset)

        return await self._effect(place, look, CommandResult)

    async def cancel(self, place: str, job_id: str) -> None:
        """Kill it; one that has ended or never started is fine."""
        await self._do(place, lambda: current_backend().cancel(self._ref, job_id))

    # --- files --------------------------------------------------------------------------------

    async def look(self, place: str, body: Callable[[Glance], Awaitable[T]], result: type[T]) -> T:
        """Any number of reads, at once if the body likes, as one effect."""
        return await self._effect(place, lambda: body(Glance(self._ref, self._fence)), result)

    async def change_files(
        self, place: str, wanted: Mapping[str, str | None], before: Mapping[str, str | None]
    ) -> None:
        """Give all these files these contents (None: none at all), as one effect. When one of them
        cannot be changed, those that were are put back, and its `FileProblem` is raised.

        A second try after a crash writes the same again.

        Args:
            before: what they held; a path that is not in it is not put back.
        """

        for path, text in wanted.items():
            self._refuse_hidden(path, (text or "").encode())
            self._refuse_hidden(path, (before.get(path) or "").encode())  # it could not be put back

        async def change() -> Done:
            done: list[str] = []
            try:
                for path, text in wanted.items():
                    done.append(path)
                    await self._put(path, text)
            except FileProblem:
                for path in reversed(done[:-1]):
                    if path in before:
                        await self._put(path, before[path])
                raise
            return Done()

        await self._effect(place, change, Done)

    async def read_file(self, place: str, path: str, limit_bytes: int) -> FileText:
        async def read() -> FileText:
            return await current_backend().read(self._ref, path, limit_bytes)

        return await self._effect(place, read, FileText)

    async def write_file(self, place: str, path: str, data: bytes) -> None:
        """Replace the whole file; folders are made."""
        self._refuse_hidden(path, data)
        await self._do(place, lambda: current_backend().write(self._ref, path, data, self._fence))

    async def receive_file(
        self, place: str, path: str, source: Callable[[], AsyncIterator[bytes]]
    ) -> int:
        """Replace the whole file by what `source` yields, once; returns how many bytes it was.

        The bytes pass by the journal. Tried once: a source is often good for one try only.

        Raises:
            Unreachable: also when the source failed in its own way; ask for another and try again.
        """

        async def receive() -> Written:
            backend = current_backend()
            size = await backend.write_stream(self._ref, path, source(), self._fence)
            return Written(size_bytes=size)

        return (await self._effect(place, receive, Written, attempts=1)).size_bytes

    async def peek(self, path: str, limit_bytes: int) -> bytes:
        """The start of a file, not journaled: for use inside an effect of the caller's own."""
        return await current_backend().read_bytes(self._ref, path, limit_bytes)

    async def list_files(self, place: str, path: str, limit: int) -> FileList:
        async def list_files() -> FileList:
            return await current_backend().list_files(self._ref, path, limit)

        return await self._effect(place, list_files, FileList)

    async def expose(self, place: str, port: int) -> Preview:
        """An address a browser can open for what listens on `port` inside."""

        async def expose() -> Preview:
            return await current_backend().expose(self._ref, port)

        return await self._effect(place, expose, Preview)

    async def hide(self, place: str, port: int) -> None:
        await self._do(place, lambda: current_backend().hide(self._ref, port))

    async def make_archive(
        self, place: str, archive_id: str, title: str, limit_bytes: int = ARCHIVE_BYTES
    ) -> ArchiveInfo:
        """Pack the project; `current_backend().read_archive` streams it, inside another effect."""

        async def make() -> ArchiveInfo:
            backend = current_backend()
            return await backend.make_archive(self._ref, archive_id, title, limit_bytes)

        return await self._effect(place, make, ArchiveInfo)

    # ------------------------------------------------------------------------------------------

    async def _effect(
        self,
        place: str,
        body: Callable[[], Awaitable[T]],
        result: type[T],
        attempts: int = ATTEMPTS,
    ) -> T:
        """One journaled effect; what it gives back is cleaned before it is journaled."""

        async def clean() -> T:
            found = await body()
            return found if self._clean is None else cleaned(found, self._clean)

        return await effect(self._ctx, place, clean, result, attempts)

    def _refuse_hidden(self, path: str, data: bytes) -> None:
        if self._clean is not None:
            refuse_hidden(path, data)

    async def _put(self, path: str, text: str | None) -> None:
        backend = current_backend()
        if text is None:
            await backend.remove(self._ref, path, self._fence)
        else:
            await backend.write(self._ref, path, text.encode(), self._fence)

    async def _do(self, place: str, action: Callable[[], Awaitable[None]]) -> None:
        async def body() -> Done:
            await action()
            return Done()

        await self._effect(place, body, Done)

    async def _look(
        self, job_id: str, wait_seconds: float, also_running: bool = False, offset: int = 0
    ) -> CommandResult:
        backend = current_backend()
        state = await backend.poll(self._ref, job_id, offset, wait_seconds, SHOWN_BYTES)
        return await clipped(backend, self._ref, job_id, state, also_running, offset)

    async def _kill(self, place: str, job_id: str) -> None:
        """Part of being cancelled: whatever goes wrong here must not hide the cancel, and another
        cancel must not leave the command running."""
        name = f"{place}: kill"
        while True:
            try:
                await self.cancel(name, job_id)
            except SandboxError as error:
                log.warning("a cancelled command was not killed: %s", error, extra={"job": job_id})
            except TerminalError as error:
                if not is_cancel(error):
                    raise
                name = f"{name} again"
                continue
            return
