"""Owns what a tool is: strict arguments, a result the model can read, and what it may use."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from restate import Context

from agent import events, leases
from agent import protocol as p
from agent.config import RunConfig
from sandbox.client import Lease, SandboxClient, checkpoint_taken
from sandbox.errors import SandboxGone

ACQUIRES = 3
RESTARTED = "The sandbox was started anew with its files; running commands were ended."


class Arguments(BaseModel):
    """Strict: every field is required, optional ones are nullable, as strict schemas want it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolResult(BaseModel):
    """What the model reads as the output of its call."""

    ok: bool
    data: dict[str, Any] = {}

    def as_text(self) -> str:
        return json.dumps({"ok": self.ok, **self.data}, ensure_ascii=False)


def problem(error: str, detail: str, hint: str = "") -> ToolResult:
    """An error as a value. `error` is a short code, `detail` one sentence."""
    data = {"error": error, "detail": detail}
    return ToolResult(ok=False, data=data | ({"hint": hint} if hint else {}))


class Checkpoint(BaseModel):
    """What the project holds at a checkpoint: in words, and as its mark."""

    label: str
    mark: str


@dataclass
class Ran:
    """A command that ended in this step, with how it ended."""

    command: str
    exit_code: int | None


@dataclass
class Bench:
    """What the tools of one step work with. Rebuilt by replay; nothing here is durable by
    itself."""

    ctx: Context
    sandbox: SandboxClient
    fence: int
    task: str
    run_id: str
    """Names this run of the step: a step that is run again after an interrupt starts new
    commands."""
    thread: p.ThreadRef
    requester: p.Person
    config: RunConfig
    generation: int
    activity_rev: int
    """Base of this step's activity revisions."""
    seen_seq: int = 0
    """Newest message the task had read when the step began; a newer one may be an answer."""
    after: Checkpoint | None = None
    """Under way when the step began; nothing may be changed before it is taken."""
    ran: list[Ran] = field(default_factory=list)
    asked: str = ""
    """The last question put to people."""
    written: set[str] = field(default_factory=set)
    seconds: float = 0.0
    """Time spent in commands."""
    mutated: bool = False
    """Something may have been changed in this step."""

    async def before_change(self) -> None:
        """A checkpoint that is under way must not hold half of this step."""
        if not self.mutated and self.after is not None:
            await checkpoint_taken(self.ctx, self.thread.key, self.after.label, self.after.mark)
        self.mutated = True

    async def reacquire(self, place: str) -> str | None:
        """Take the session's sandbox again after a long wait or a loss.

        Returns what to tell the model when it is a new one: processes of the old one are gone.

        Raises:
            RolledBack: its files are not those of the old one.
            SandboxGone: it was lost again and again.
        """
        before, told = self.generation, ""
        for attempt in range(1, ACQUIRES + 1):
            lease = await leases.acquire(self.ctx, self.thread, self.task, before)
            if lease.rolled_back:
                raise RolledBack(lease)
            if lease.ref.generation == before:
                return None
            told = lease.note or told
            if lease.note:
                events.restarted(self.ctx, self.thread, lease.ref.generation, lease.note)
            self.generation = lease.ref.generation
            self.sandbox = SandboxClient(self.ctx, lease.ref, self.fence)
            try:
                await self.sandbox.claim(f"{place}: claim again {attempt}")
            except SandboxGone:
                continue
            return told or RESTARTED
        raise SandboxGone("The sandbox was lost again and again.")

    def say(self, text: str, *, waiting: bool = False) -> None:
        """Show what the step does right now, or that it waits for people."""
        self.activity_rev += 1
        body = p.ActivityBody(text=text, waiting=waiting)
        events.show(self.ctx, self.thread, f"activity:{self.task}", self.activity_rev, body)


class RolledBack(Exception):
    """The sandbox was lost, and its files are as of an earlier checkpoint: the step starts over."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(lease.note)
        self.checkpoint = lease.restored.mark if lease.restored else ""
        self.generation = lease.ref.generation


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Tool(Generic[A]):
    """`run(bench, arguments, place, call_id)`; `place` names journal entries: `"turn 3: call
    1"`."""

    name: str
    description: str
    arguments: type[A]
    run: Callable[[Bench, A, str, str], Awaitable[ToolResult]]
    mutates: bool = True
