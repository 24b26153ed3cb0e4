"""Owns the wire: names of the durable services, their handlers, and every value that crosses a
process.

Models are frozen and only grow, with defaults, because journals of older releases are read back.
Text of people is carried verbatim; escaping it is the business of whoever shows it. Imports
nothing of ours.
"""

from dataclasses import dataclass
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

# --- who is speaking, and where ----------------------------------------------------------------


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True)


class Nothing(Wire):
    """The answer of a handler that has nothing to say, and the input of one that asks nothing."""


class ThreadRef(Wire):
    """One Slack thread. `key` is the session's key: `<enterprise-or-team>:<channel>:<root ts>`."""

    team: str
    """Enterprise id for an org-wide install, else team id."""
    channel: str
    root_ts: str

    @property
    def key(self) -> str:
        return f"{self.team}:{self.channel}:{self.root_ts}"

    @classmethod
    def parse(cls, key: str) -> "ThreadRef":
        """Raises ValueError when `key` is not a session key."""
        parts = key.split(":")
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{key!r} is not a session key: expected team:channel:ts")
        return cls(team=parts[0], channel=parts[1], root_ts=parts[2])


class Person(Wire):
    user_id: str
    name: str = ""
    """Display name; empty when unknown."""
    outsider: bool = False
    """Guest, or from another company (Slack Connect)."""


class UserMessage(Wire):
    """An instruction to the agent, as a person wrote it. Identity: (thread.team, channel, ts)."""

    thread: ThreadRef
    ts: str
    """Slack's message ts; orders the history."""
    author: Person
    text: str
    client_msg_id: str | None = None


class MessageEdit(Wire):
    thread: ThreadRef
    ts: str
    edit_ts: str
    author: Person
    text: str
    """The text after the edit; empty when the message was deleted."""


class StopRequest(Wire):
    thread: ThreadRef
    by: Person


# --- session ------------------------------------------------------------------------------------

SessionStatus = Literal["idle", "working", "waiting"]


class HistoryEntry(Wire):
    seq: int
    ts: str
    author: Person
    text: str
    edit: bool = False
    """True for a correction of an earlier message."""


class TaskDigest(Wire):
    """What the next task knows of a finished one."""

    task: str
    outcome: "Outcome"
    summary: str
    request: str = ""
    """What people had asked, shortened."""


class SessionView(Wire):
    """What `Session.read` answers. `exists` is false for a thread nobody ever addressed us in."""

    exists: bool = False
    thread: ThreadRef | None = None
    title: str = ""
    status: SessionStatus = "idle"
    task: str | None = None
    """Key of the running task."""
    messages: int = 0
    tasks: int = 0
    participants: list[Person] = []
    total_cost_usd: float = 0.0
    last: TaskDigest | None = None


class ReadRequest(Wire):
    after_seq: int = 0


class Unread(Wire):
    """What a task reads: messages above its last one, ordered by Slack's ts."""

    messages: list[HistoryEntry]
    last_seq: int = 0
    """Highest sequence number handed out so far."""
    stopping: Person | None = None
    """Who asked to stop the running task, if somebody did."""
    digests: list[TaskDigest] = []
    """Earlier tasks of the session, oldest first."""


# --- task ---------------------------------------------------------------------------------------

Outcome = Literal["done", "blocked", "failed", "stopped", "answered"]


class TaskRequest(Wire):
    thread: ThreadRef
    number: int
    after_seq: int
    """The task reads every message above this sequence number."""


class Usage(Wire):
    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_usd: float | None = 0.0
    """None once any call had no known price."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            cached=self.cached + other.cached,
            cache_write=self.cache_write + other.cache_write,
            output=self.output + other.output,
            reasoning=self.reasoning + other.reasoning,
            cost_usd=None
            if self.cost_usd is None or other.cost_usd is None
            else self.cost_usd + other.cost_usd,
        )


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


TaskStateName = Literal["planning", "working", "waiting", "done"]


class TaskStatus(Wire):
    state: TaskStateName = "planning"
    plan: "PlanBody | None" = None


# --- plan and step ------------------------------------------------------------------------------

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


StepResultKind = Literal["done", "blocked", "failed", "interrupted"]


class StepOutcome(Wire):
    outcome: StepResultKind
    summary: str
    files: list[str] = []
    checks: list[str] = []
    """Commands that verified the work, with their result."""
    usage: Usage = Usage()
    turns: int = 0


# --- approval -----------------------------------------------------------------------------------

Verdict = Literal["approved", "denied", "answered", "expired", "withdrawn"]


class ApprovalRequest(Wire):
    """A question only people answer: a risky action (`command`), or a question of the model
    (`question`)."""

    kind: Literal["command", "question"] = "command"
    approval: str
    """Key of the Approval workflow: `<task>/<action hash>`."""
    thread: ThreadRef
    question: str
    """Why it is asked, or the model's question."""
    command: str = ""
    workdir: str = "."
    options: list[str] = []
    requester: Person
    approvers: list[str] = []
    """User ids that may answer besides the requester."""
    expires_at: float


class ApprovalAnswer(Wire):
    approval: str
    by: Person
    decision: Literal["approve", "deny", "answer"]
    answer: str = ""
    """The chosen option of a question."""


class ApprovalOutcome(Wire):
    verdict: Verdict
    by: Person | None = None
    at: float = 0.0
    answer: str = ""


class AnswerReceipt(Wire):
    """What the person who clicked is told. `accepted` is true only for the click that decided."""

    accepted: bool
    outcome: ApprovalOutcome | None = None
    """The true outcome when somebody or something else decided first."""
    refusal: str = ""
    """One sentence when this person may not answer, or the question is unknown."""


# --- download -----------------------------------------------------------------------------------


class DownloadRequest(Wire):
    thread: ThreadRef
    by: Person
    request_id: str
    """Identity of the click, word or command; a repeat posts nothing new."""


class UploadStart(Wire):
    file_name: str
    size_bytes: int
    team: str


class UploadTicket(Wire):
    """Where to POST the raw bytes. The URL is single use and needs no token."""

    file_id: str
    upload_url: str


class UploadFinish(Wire):
    file_id: str
    thread: ThreadRef
    title: str
    comment: str


class UploadReceipt(Wire):
    ok: bool
    error: str = ""
    """One sentence when Slack refused the file."""


# --- a person's sessions ------------------------------------------------------------------------


class SessionCard(Wire):
    thread: ThreadRef
    title: str
    updated_at: float
    """Unix seconds."""
    status: SessionStatus


class SessionCards(Wire):
    """Newest first."""

    sessions: list[SessionCard] = []


# --- what a thread shows ------------------------------------------------------------------------


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
    started_at: float = 0.0
    finished_at: float | None = None


class ActivityBody(Wire):
    """What the running step does right now; shown inside the plan message named by the same
    slot."""

    kind: Literal["activity"] = "activity"
    text: str


class ApprovalBody(Wire):
    kind: Literal["approval"] = "approval"
    request: ApprovalRequest
    outcome: ApprovalOutcome | None = None


class ResultBody(Wire):
    """The final message of a task; a new message, because edits notify nobody."""

    kind: Literal["result"] = "result"
    task: str
    outcome: Outcome
    summary: str
    files: list[str] = []
    checks: list[str] = []
    asked_by: list[Person] = []
    seconds: float = 0.0
    usage: Usage = Usage()
    model: str = ""
    downloadable: bool = False
    continue_hint: str = ""


class NoteBody(Wire):
    """A plain message of ours: an answer to `status`, a problem, 'resumed from step 3'."""

    kind: Literal["note"] = "note"
    text: str


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


# --- budget of a workspace ----------------------------------------------------------------------


class GrantRequest(Wire):
    method: str
    """Slack method, for example `chat.update`."""
    thread: str
    urgent: bool = False


class Grant(Wire):
    wait_seconds: float
    """Wait this long before the call; 0 means now."""


# --- handlers -----------------------------------------------------------------------------------

I = TypeVar("I", bound=BaseModel)  # noqa: E741  (input, as in Restate's own API)
O = TypeVar("O", bound=BaseModel)  # noqa: E741


@dataclass(frozen=True)
class Handler(Generic[I, O]):
    """Name and shape of one handler, for callers that must not import the code behind it."""

    service: str
    name: str
    input: type[I]
    output: type[O]


SESSION = "Session"
TASK = "Task"
STEP = "Step"
PLANNING = "Planning"
APPROVAL = "Approval"
PERSON = "Person"
DOWNLOAD = "Download"
THREAD = "Thread"
WORKSPACE = "Workspace"
UPLOAD = "Upload"

ON_MESSAGE = Handler(SESSION, "on_message", UserMessage, Nothing)
ON_EDIT = Handler(SESSION, "on_edit", MessageEdit, Nothing)
STOP = Handler(SESSION, "stop", StopRequest, Nothing)
ON_TASK_DONE = Handler(SESSION, "on_task_done", TaskDone, Nothing)
READ_SESSION = Handler(SESSION, "read", Nothing, SessionView)
READ_UNREAD = Handler(SESSION, "read_unread", ReadRequest, Unread)
TASK_STATUS = Handler(TASK, "status", Nothing, TaskStatus)
ANSWER_APPROVAL = Handler(APPROVAL, "decide", ApprovalAnswer, AnswerReceipt)
SESSIONS_OF_PERSON = Handler(PERSON, "sessions", Nothing, SessionCards)
REMEMBER_SESSION = Handler(PERSON, "remember", SessionCard, Nothing)
RUN_DOWNLOAD = Handler(DOWNLOAD, "run", DownloadRequest, Nothing)
SHOW = Handler(THREAD, "show", ThreadEvent, Nothing)
FLUSH = Handler(THREAD, "flush", Nothing, Nothing)
GRANT = Handler(WORKSPACE, "grant", GrantRequest, Grant)
BEGIN_UPLOAD = Handler(UPLOAD, "begin", UploadStart, UploadTicket)
FINISH_UPLOAD = Handler(UPLOAD, "finish", UploadFinish, UploadReceipt)
