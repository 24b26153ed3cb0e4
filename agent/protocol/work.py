"""Owns a task's work: what it was asked, its plan, its steps, what it used and how it ended."""

from typing import Literal

from agent.protocol.people import Person, ThreadRef, Wire

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
    """Cost of the calls whose price is known."""
    assumed_usd: float = 0.0
    """Cost of the others, at the price that is assumed for them."""
    cut_off: int = 0
    """Calls whose answer was cut off by a stop or a message: estimated by what was sent."""

    @property
    def counted_usd(self) -> float:
        """What budgets count."""
        return self.known_usd + self.assumed_usd

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            cached=self.cached + other.cached,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            known_usd=self.known_usd + other.known_usd,
            assumed_usd=self.assumed_usd + other.assumed_usd,
            cut_off=self.cut_off + other.cut_off,
            cost_usd=None
            if self.cost_usd is None or other.cost_usd is None
            else self.cost_usd + other.cost_usd,
        )


BudgetName = Literal["task", "thread", "channel", "day"]


class BudgetLine(Wire):
    """One budget and what has been used of it."""

    name: BudgetName
    limit_usd: float
    spent_usd: float = 0.0


class Allowance(Wire):
    """What a task may still spend, as people have decided so far; handed from call to call."""

    spent_usd: float = 0.0
    """What the task has cost so far, as far as prices are known."""
    unpriced_tokens: int = 0
    """Tokens of calls without a known price."""
    assumed_usd: float = 0.0
    """What those cost at the price that is assumed for them."""
    call_usd: float = 0.0
    """The dearest call so far."""
    extras: dict[BudgetName, float] = {}
    """Added by people to the budgets of the task and the thread, in dollars."""
    drawn_usd: float = 0.0
    """What the task may have spent in all before it asks the ledger of the workspace again."""
    drawn: list[BudgetLine] = []
    """The budgets of channel and day as the ledger last told them."""
    model: str = ""
    """Chosen by people in place of the model the task began with."""

    @property
    def counted_usd(self) -> float:
        """What budgets count."""
        return self.spent_usd + self.assumed_usd


class Answered(Wire):
    """A question that was put to people, and what came of it."""

    question: str
    answer: str = ""
    """Empty when it was answered in a message, or not at all."""
    by: Person | None = None


class Project(Wire):
    """What is known of the project before work begins."""

    files: list[str] = []
    guidance: str = ""
    """Notes for those who work on it, from a file of its own: information, never permission."""


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
    cut_off: bool = False
    """Killed from outside: what it used last is not known."""


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
    question: str = ""
    """Something only people can decide before a plan can be made; there are no steps then."""
    options: list[str] = []
    """Short answers to `question` to choose from."""


class Link(Wire):
    label: str
    url: str


StepResultKind = Literal["done", "blocked", "failed", "interrupted", "rolled_back", "stopped"]
"""rolled_back: the sandbox was lost, and with it what was done since a checkpoint. stopped: people
chose that on a card."""


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
    final: bool = False
    """blocked or failed for a reason that no other plan can mend."""
    allowance: Allowance | None = None
    """As it is now; None leaves it as it was."""
    links: list["Link"] = []
    """What people can open: a preview, a pull request."""
