"""Owns what one task knows of its project's files: the sandbox it has, and its checkpoints.

A checkpoint follows each step that may have changed something. When a sandbox is lost, its files
come back as of one of them, and its mark says which steps they still hold.
"""

from restate import TerminalError, WorkflowContext

from agent import events, leases, plans
from agent import protocol as p
from agent.tools.contract import Checkpoint
from sandbox import client as sandbox
from sandbox.errors import SandboxError
from sandbox.protocol import SandboxRef

MOST_LOSSES = 5


def as_terminal(error: SandboxError) -> TerminalError:
    return TerminalError(str(error), metadata={"code": type(error).__name__})


class Files:
    """Rebuilt by replay like the task that holds it."""

    def __init__(self, ctx: WorkflowContext, thread: p.ThreadRef) -> None:
        self._ctx = ctx
        self._thread = thread
        self._generation: int | None = None
        self.ref: SandboxRef | None = None
        """The sandbox as it was last acquired."""
        self._checkpoints = 0
        self._losses = 0
        self._finished: dict[str, frozenset[str]] = {}
        """Mark of a checkpoint to the steps that were finished by then."""
        self.last: Checkpoint | None = None
        """The newest checkpoint that was asked for; it may still be under way."""

    async def acquire(self) -> sandbox.Lease:
        """The session's sandbox; the thread is told when it is another one than before.

        Raises TerminalError when there is none to be had.
        """
        try:
            lease = await leases.acquire(self._ctx, self._thread, self._ctx.key(), self._generation)
        except SandboxError as error:
            raise as_terminal(error) from error
        self._generation = lease.ref.generation
        self.ref = lease.ref
        if lease.note and not lease.rolled_back:
            events.restarted(self._ctx, self._thread, lease.ref.generation, lease.note)
        return lease

    def checkpoint(self, plan: p.Plan, step: p.PlanStep) -> None:
        """Have the files kept as they are after `step` ended, well or not."""
        self._checkpoints += 1
        finished = frozenset(s.id for s in plan.steps if s.status == "complete")
        label = plans.label(plan, step.id)
        if step.id not in finished:
            label = f"the middle of {label}"
        self.last = Checkpoint(
            label=label, mark=f"{self._ctx.key()}/checkpoint {self._checkpoints}"
        )
        self._finished[self.last.mark] = finished
        sandbox.checkpoint(self._ctx, self._thread.key, self.last.label, self.last.mark)

    async def kept(self) -> None:
        """Wait until the newest checkpoint is taken, or cannot be."""
        assert self.last is not None
        label, mark = self.last.label, self.last.mark
        await sandbox.checkpoint_taken(self._ctx, self._thread.key, label, mark)

    def went_back(self, mark: str, generation: int) -> frozenset[str]:
        """The steps of this task that the files still hold.

        Raises TerminalError when that happened too often: something here kills sandboxes.
        """
        self._generation = generation
        self._losses += 1
        self.last = None
        if self._losses > MOST_LOSSES:
            raise TerminalError(
                f"The sandbox was lost {self._losses} times, and each time with work that was not "
                "saved yet. Write again to go on from the last checkpoint."
            )
        return self._finished.get(mark, frozenset())

    def say(self, note: str) -> None:
        slot = f"note:{self._ctx.key()}:back {self._losses}"
        events.show(self._ctx, self._thread, slot, 1, p.NoteBody(text=note))
