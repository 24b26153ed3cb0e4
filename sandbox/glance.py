"""Owns reading a sandbox without a journal: for use inside one journaled effect of the caller's.

Whatever is read here may be read again when that effect is retried. Nothing here changes files.
"""

from sandbox.backend import current_backend
from sandbox.clipping import SHOWN_BYTES, clipped
from sandbox.errors import Fatal
from sandbox.protocol import Command, CommandResult, FileText, SandboxRef

OVERTIME_SECONDS = 10.0


class Glance:
    """Raises, all methods: `SandboxGone`, `FileProblem`, `Retryable`, `Fatal`."""

    def __init__(self, ref: SandboxRef, fence: int) -> None:
        self._ref = ref
        self._fence = fence

    async def read_file(self, path: str, limit_bytes: int) -> FileText:
        return await current_backend().read(self._ref, path, limit_bytes)

    async def read_bytes(self, path: str, limit_bytes: int, offset: int = 0) -> bytes:
        """Shorter than `limit_bytes` at the end of the file only. At most 8 MB at once."""
        return await current_backend().read_bytes(self._ref, path, limit_bytes, offset)

    async def run(self, job_id: str, command: Command) -> CommandResult:
        """A command that only reads, to its end. A second try of the effect attaches to it; when
        the effect is given up, its time limit ends it.

        Raises also `Fenced`.
        """
        backend = current_backend()
        longest = command.timeout_seconds + OVERTIME_SECONDS
        state = await backend.start(self._ref, job_id, command, self._fence, longest, SHOWN_BYTES)
        if state.exit_code is None and not state.lost:
            raise Fatal("The command was not ended at its time limit: the sandbox does not react.")
        return await clipped(backend, self._ref, job_id, state, also_running=False)

    async def has_ended(self, job_id: str, wait_seconds: float) -> bool:
        """Whether a command has ended, or does within `wait_seconds`."""
        state = await current_backend().poll(self._ref, job_id, 0, wait_seconds, 0)
        return state.exit_code is not None or state.lost
