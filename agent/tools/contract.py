"""Owns what a tool is: strict arguments, a result the model can read, and what it may use."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict
from restate import Context

from agent import events, leases
from agent import protocol as p
from agent.asking import Asker
from agent.config import RunConfig
from agent.model import Caller
from agent.purse import Purse
from agent.secrets import redact
from sandbox.client import Glance, Lease, SandboxClient, checkpoint_taken
from sandbox.errors import SandboxGone

ACQUIRES = 3
SAY_SECONDS = 1.0
"""Of work, as its journal tells them: activity is shown no more often than that."""
RESTARTED = "The sandbox was started anew with its files; running commands and previews were ended."


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
    asker: Asker
    caller: Caller
    purse: Purse
    sandbox: SandboxClient
    fence: int
    user_hash: str
    """Tells the provider's people apart, without saying who they are."""
    task: str
    run_id: str
    """Names this run of the step: a step that is run again after an interrupt starts new
    commands."""
    thread: p.ThreadRef
    config: RunConfig
    generation: int
    activity_rev: int
    """Base of this step's activity revisions."""
    after: Checkpoint | None = None
    """Under way when the step began; nothing may be changed before it is taken."""
    ran: list[Ran] = field(default_factory=list)
    jobs: dict[str, int] = field(default_factory=dict)
    """Background commands of this step, with how much of their output was told."""
    commands: dict[str, str] = field(default_factory=dict)
    """The text of those that have not been seen to end."""
    asked: str = ""
    """The last question put to people."""
    written: set[str] = field(default_factory=set)
    repository: bool = False
    """The project is a repository that people gave."""
    long_thread: bool = False
    """More was said in the thread than the model is told."""
    links: list[p.Link] = field(default_factory=list)
    """What the step gave people to open."""
    seconds: float = 0.0
    """Time spent in commands."""
    model_seconds: float = 0.0
    """Time spent in calls of the model."""
    mutated: bool = False
    """Something may have been changed in this step."""
    did_something: bool = False
    waits: int = 0
    """How often people were asked in this step."""
    held_back: str = ""
    """Activity that came too soon after the one that is shown."""
    _quiet_until: float = 0.0

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
            self.sandbox = SandboxClient(self.ctx, lease.ref, self.fence, clean=redact)
            try:
                await self.sandbox.claim(f"{place}: claim again {attempt}")
            except SandboxGone:
                continue
            return told or RESTARTED
        raise SandboxGone("The sandbox was lost again and again.")

    def say(self, text: str, *, waiting: bool = False) -> None:
        """Show what the step does right now, or that it waits for people.

        What follows within a second is held back: most of it is over before anybody reads it.
        """
        worked = self.seconds + self.model_seconds
        if worked < self._quiet_until and not waiting:
            self.held_back = text
            return
        self.held_back = ""
        self._quiet_until = 0.0 if waiting else worked + SAY_SECONDS
        self.activity_rev += 1
        body = p.ActivityBody(text=text, waiting=waiting, spent=self.purse.spent)
        events.show(self.ctx, self.thread, f"activity:{self.task}", self.activity_rev, body)

    def still_running(self) -> None:
        """It is not over so soon: what was held back is shown."""
        if self.held_back:
            self._quiet_until = 0.0
            self.say(self.held_back)


class RolledBack(Exception):
    """The sandbox was lost, and its files are as of an earlier checkpoint: the step starts over."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(lease.note)
        self.checkpoint = lease.restored.mark if lease.restored else ""
        self.generation = lease.ref.generation


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class Tool(Generic[A]):
    """Has either `run` or `read`."""

    name: str
    description: str
    arguments: type[A]
    run: Callable[[Bench, A, str, str], Awaitable[ToolResult]] | None = None
    """`(bench, arguments, place, call id)`; `place` names journal entries: `"turn 3: call 1"`."""
    mutates: bool = True
    read: Callable[[Glance, A, str], Awaitable[ToolResult]] | None = None
    """`(glance, arguments, id of the one command it may run)`: only looks at the sandbox. It is
    done inside an effect, together with others that stand beside it, and may be done again."""

    @property
    def parallel(self) -> bool:
        return self.read is not None
