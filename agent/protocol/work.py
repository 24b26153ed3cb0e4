"""Owns a task's work: what it was asked, its plan, its steps, what it used and how it ended."""

from typing import Literal

from agent.protocol.people import ThreadRef, Wire

Outcome = Literal["done", "blocked", "failed", "stopped", "answered"]


class Usage(Wire):
    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_usd: float | None = 0.0
    """None once any call had no known price."""
    known_usd: float = 0.0
    """Cost of the calls whose price is known; budgets count these."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            cached=self.cached + other.cached,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            known_usd=self.known_usd + other.known_usd,
            cost_usd=None
            if self.cost_usd is None or other.cost_usd is None
            else self.cost_usd + other.cost_usd,
        )


class TaskRequest(Wire):
    thread: ThreadRef
    number: int
    after_seq: int
    """The task reads every message above this sequence number."""


class TaskDone(Wire):
    task: str
    last_seq: int
    """Newest message this task has read; a newer one starts a follow-up task."""
    outcome: Outcome
    summary: str
    usage: Usage = Usage()


class Interrupt(Wire):
    seq: int
    """Sequence number of the message that interrupts."""


StepStatus = Literal["pending", "in_progress", "complete", "error", "dropped"]


StepMark = Literal["", "kept", "new", "dropped"]


class PlanStep(Wire):
    id: str
    title: str
    detail: str
    done_when: str
    status: StepStatus = "pending"
    mark: StepMark = ""
    digest: str = ""
    """What the step did, written by `finish_step`; what later steps know of it."""


class Plan(Wire):
    goal: str
    assumptions: list[str] = []
    steps: list[PlanStep]
    answer: str = ""
    """For a question that needs no work: the answer itself, with no steps."""


StepResultKind = Literal["done", "blocked", "failed", "interrupted", "rolled_back"]
"""rolled_back: the sandbox was lost, and with it what was done since a checkpoint."""


class StepOutcome(Wire):
    outcome: StepResultKind
    summary: str
    files: list[str] = []
    checks: list[str] = []
    """Commands that verified the work, with their result."""
    usage: Usage = Usage()
    turns: int = 0
    mutated: bool = False
    """It may have changed files: a checkpoint is due."""
    checkpoint: str = ""
    """rolled_back: mark of the checkpoint the files went back to; empty for none."""
    generation: int = 0
    """rolled_back: the sandbox that was met."""
