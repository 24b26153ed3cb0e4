"""Owns what a task does in the project before it plans or works: it brings in what came with
messages, and looks what is there.

Both outlive the loss of a sandbox: what was brought is brought again.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from restate import TerminalError, WorkflowContext

from agent import protocol as p
from agent.attachments import take_in
from agent.files import as_terminal
from agent.reading import Reading
from agent.secrets import redact
from sandbox.client import Lease, SandboxClient
from sandbox.errors import FileProblem, SandboxError, SandboxGone, Unreachable

FILES_FOR_PLANNER = 200
GUIDANCE = ("AGENTS.md", "CLAUDE.md")
"""The first that can be read is."""
GUIDANCE_BYTES = 16_000
LOOKS = 3

T = TypeVar("T")


class Intake:
    """Rebuilt by replay like the task that holds it.

    Args:
        acquire: takes the session's sandbox, and notes when it was rolled back.
    """

    def __init__(
        self,
        ctx: WorkflowContext,
        thread: p.ThreadRef,
        reading: Reading,
        acquire: Callable[[], Awaitable[Lease]],
    ) -> None:
        self._ctx = ctx
        self._thread = thread
        self._reading = reading
        self._acquire = acquire
        self.lost = False
        """What was brought in may have gone with a sandbox."""
        self.project = p.Project()
        """As last seen."""

    async def take_in(self, fence: int) -> None:
        """Bring what came with messages into the project, once, and again after a roll-back."""

        async def take(box: SandboxClient, attempt: int) -> None:
            await box.claim(f"claim for files {attempt}")  # what earlier work brings is too late
            taken = {
                message.seq: await take_in(self._ctx, box, self._thread, message)
                for message in self._missing()
            }
            messages = self._reading.messages
            self._reading.messages = [taken.get(m.seq, m) for m in messages]
            self.lost = False

        if self._missing():
            await self._in_sandbox(fence, take)

    async def look_around(self, fence: int) -> None:
        """See which files the project has, and read what it says to those who work on it."""

        async def look(box: SandboxClient, attempt: int) -> p.Project:
            listing = await box.list_files(f"list project {attempt}", ".", FILES_FOR_PLANNER)
            files = [info.path for info in listing.files if info.kind == "file"]
            return p.Project(files=files, guidance=await _guidance(box, attempt))

        self.project = await self._in_sandbox(fence, look)

    def _missing(self) -> list[p.HistoryEntry]:
        """Messages whose files are not in the project, as far as we know."""
        with_files = [m for m in self._reading.messages if m.files]
        return [m for m in with_files if self.lost or not m.taken]

    async def _in_sandbox(self, fence: int, use: Callable[[SandboxClient, int], Awaitable[T]]) -> T:
        """A sandbox that is lost meanwhile is taken again. Raises TerminalError after `LOOKS`."""
        for attempt in range(1, LOOKS + 1):
            box = SandboxClient(self._ctx, (await self._acquire()).ref, fence, clean=redact)
            try:
                return await use(box, attempt)
            except (SandboxGone, Unreachable):
                continue
            except SandboxError as error:
                raise as_terminal(error) from error
        raise TerminalError("The sandbox was lost again and again.")


async def _guidance(box: SandboxClient, attempt: int) -> str:
    """Not looked for in the listing, which ends early in a large project."""
    for name in GUIDANCE:
        try:
            text = await box.read_file(f"{name} {attempt}", name, GUIDANCE_BYTES)
        except FileProblem:
            continue
        if not text.binary:
            return text.text
    return ""
