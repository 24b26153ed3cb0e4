"""Owns what a thread shows: one event puts one body into one slot; and what showing may cost."""

from typing import Annotated, Literal

from pydantic import Field

from agent.protocol.approval import ApprovalOutcome, ApprovalRequest
from agent.protocol.people import Person, ThreadRef, Wire
from agent.protocol.preferences import ApprovalPreset
from agent.protocol.work import BudgetLine, Link, Outcome, StepMark, StepStatus, Usage


class StepLine(Wire):
    id: str
    title: str
    status: StepStatus
    mark: StepMark = ""
    detail: str = ""


PlanState = Literal["working", "waiting", "done", "blocked", "failed", "stopped"]


class PlanBody(Wire):
    """The one plan message of a task, edited in place."""

    kind: Literal["plan"] = "plan"
    title: str
    steps: list[StepLine]
    state: PlanState = "working"
    note: str = ""
    """What was interrupted, kept, dropped; one or two sentences."""
    assumptions: list[str] = []
    """What was decided where the request was silent."""
    started_at: float = 0.0
    finished_at: float | None = None


class Spent(Wire):
    """What a task has cost so far, as its running step last told."""

    known_usd: float = 0.0
    assumed_usd: float = 0.0


class SpentRequest(Wire):
    task: str


class ActivityBody(Wire):
    """What the running step does right now; shown inside the plan message named by the same
    slot."""

    kind: Literal["activity"] = "activity"
    text: str
    waiting: bool = False
    """It waits for people; the plan says so until the next activity."""
    spent: Spent | None = None
    """None: not told."""


class ApprovalBody(Wire):
    kind: Literal["approval"] = "approval"
    request: ApprovalRequest
    outcome: ApprovalOutcome | None = None


class Asked(Wire):
    """One instruction and whose it was."""

    by: Person
    text: str


class ResultBody(Wire):
    """The final message of a task; a new message, because edits notify nobody."""

    kind: Literal["result"] = "result"
    task: str
    outcome: Outcome
    summary: str
    files: list[str] = []
    checks: list[str] = []
    asked_by: list[Person] = []
    asked: list[Asked] = []
    """Every instruction this task has read, in order, shortened."""
    seconds: float = 0.0
    usage: Usage = Usage()
    turns: int = 0
    """Of all steps together."""
    model: str = ""
    downloadable: bool = False
    continue_hint: str = ""
    links: list[Link] = []
    """What people can open: a preview, a pull request."""


class NoteBody(Wire):
    """A plain message of ours: an answer to `status`, a problem, 'resumed from step 3'."""

    kind: Literal["note"] = "note"
    text: str
    mentions: list[str] = []
    """Ids of users and user groups it is for; they are mentioned before the text."""


class ReactionBody(Wire):
    kind: Literal["reaction"] = "reaction"
    ts: str
    name: str = "eyes"
    on: bool = True


PresenceState = Literal["processing", "suspended", "active", "closed"]


class PresenceBody(Wire):
    """The agent-session status Slack shows beside the thread."""

    kind: Literal["presence"] = "presence"
    state: PresenceState
    text: str = ""
    title: str = ""
    initiator: str = ""
    """User id of whoever started the session."""


Body = Annotated[
    PlanBody | ActivityBody | ApprovalBody | ResultBody | NoteBody | ReactionBody | PresenceBody,
    Field(discriminator="kind"),
]


class ThreadEvent(Wire):
    """One thing the thread should show. Slot and revision make it safe to send twice and out of
    order."""

    thread: ThreadRef
    slot: str
    """Name of the place: `plan:<task>`, `activity:<task>`, `approval:<key>`, `result:<task>`,
    `note:<id>`,
    `presence`, `reaction:<ts>:<name>`. One slot is one message (activity: part of its plan's
    message)."""
    rev: int
    """Grows within the slot; a revision at or below the one known is dropped."""
    urgent: bool = False
    """Terminal states and approvals: shown before, and never merged behind, ordinary progress."""
    body: Body


TaskStateName = Literal["planning", "working", "waiting", "done"]


class TaskStatus(Wire):
    state: TaskStateName = "planning"
    plan: PlanBody | None = None
    model: str = ""
    approvals: ApprovalPreset | None = None
    """None when not known."""
    budget_usd: float | None = None
    usage: Usage = Usage()
    """Of this task so far."""
    budgets: list[BudgetLine] = []
    """Those that are set."""
    plan_first: bool = False

    def after(self, spent: Spent) -> "TaskStatus":
        """With what the running step has spent since the plan was last shown."""
        known = max(spent.known_usd - self.usage.known_usd, 0.0)
        assumed = max(spent.assumed_usd - self.usage.assumed_usd, 0.0)
        cost = None if assumed else known
        since = Usage(cost_usd=cost, known_usd=known, assumed_usd=assumed)
        budgets = [
            line.model_copy(update={"spent_usd": line.spent_usd + since.counted_usd})
            if line.name in ("task", "thread")  # those of others are as the ledger told them
            else line
            for line in self.budgets
        ]
        return self.model_copy(update={"usage": self.usage + since, "budgets": budgets})


class GrantRequest(Wire):
    method: str
    """Slack method, for example `chat.update`."""
    thread: str
    urgent: bool = False
    now: float = 0.0
    """Unix seconds as the caller has journaled them; 0 for unknown."""


class Grant(Wire):
    wait_seconds: float
    """0 means now. Else the thread has a place and is called by `Thread.turn`; it asks again only
    when nothing came in this time."""
    away: bool = False
    """The workspace has removed us: nothing is called until we are back."""
