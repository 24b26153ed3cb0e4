"""Owns making one commit in the sandbox, also when people stop the work meanwhile."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from restate import TerminalError, WorkflowContext

from agent.files import as_terminal
from agent.secrets import redact
from sandbox.client import CommandResult, Lease, SandboxClient
from sandbox.durable import is_cancel
from sandbox.errors import SandboxError, SandboxGone, Unreachable
from sandbox.protocol import Command, SandboxRef

TRIES = 3
LONGEST_SECONDS = 120
HURRIED_SECONDS = 20
"""So long a stop waits for it."""


@dataclass
class Commit:
    """Rebuilt by replay."""

    ctx: WorkflowContext
    name: str
    """Of this commit in the task: `"commit 3"`."""
    script: str
    fence: int
    acquire: Callable[[], Awaitable[Lease]]
    sandbox: SandboxRef
    """Where the step ran."""
    stopping: bool = False
    """The task is being stopped: at once, in that sandbox, or not at all."""
    cancel: TerminalError | None = None
    """The stop that came meanwhile: to be raised."""
    rolled_back: bool = False
    """The files went back to a time before the step: nothing was committed."""

    async def make(self) -> str:
        """One clause, why it was not made; empty when it was, or when there was nothing to commit.

        Raises TerminalError when the sandbox fails for good. A cancel ends the command; then it is
        run once more: what is left uncommitted would be part of somebody's next commit.
        """
        for attempt in range(1, TRIES + 1):
            try:
                await self._reach()
                if self.rolled_back:
                    return ""
                done = await self._run(f"{self.name}, try {attempt}")
            except TerminalError as error:
                if not is_cancel(error):
                    raise
                self.stopping, self.cancel = True, error
                continue
            if done is not None and not done.lost:
                return _problem_of(done)
            if done is None and self.stopping:
                break
        if self.stopping:
            return "the sandbox is gone"
        raise TerminalError("The sandbox was lost again and again.")

    async def _reach(self) -> None:
        if not self.stopping:
            lease = await self.acquire()
            self.sandbox, self.rolled_back = lease.ref, lease.rolled_back

    async def _run(self, place: str) -> CommandResult | None:
        """None: there is no sandbox."""
        box = SandboxClient(self.ctx, self.sandbox, self.fence, clean=redact)
        seconds = HURRIED_SECONDS if self.stopping else LONGEST_SECONDS
        command = Command(command=self.script, timeout_seconds=seconds)
        try:
            return await box.run(place, f"{self.ctx.key()}/{place}", command)
        except (SandboxGone, Unreachable):
            return None
        except SandboxError as error:
            raise as_terminal(error) from error


def _problem_of(done: CommandResult) -> str:
    if "unmerged" in done.output:
        return "a merge is not finished"
    if done.timed_out:
        return "it took too long"
    return "git refused it" if done.exit_code != 0 else ""
