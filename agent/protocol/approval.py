"""Owns questions only people answer: the request, an answer, the outcome that counted."""

from typing import Literal

from agent.protocol.people import Person, ThreadRef, Wire

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
    """Ids of users and user groups that may answer besides the requester."""
    four_eyes: bool = False
    """The requester may deny it, but not approve it."""
    seen_seq: int = 0
    """Newest message the asking task had read; a newer one may be the answer."""
    asked_at: float = 0.0
    remind_at: float = 0.0
    """When the thread is reminded, once; 0 for never."""
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
    message: str = ""
    """What `by` wrote in the thread in place of a click: a denial, or the answer; of somebody who
    may not answer, what withdrew the question."""


class ApprovalView(Wire):
    """What may be known of a question; `request` is None for one that is not known (any more)."""

    request: ApprovalRequest | None = None
    outcome: ApprovalOutcome | None = None


class AnswerReceipt(Wire):
    """What the person who clicked is told. `accepted` is true only for the click that decided."""

    accepted: bool
    outcome: ApprovalOutcome | None = None
    """The true outcome when somebody or something else decided first."""
    refusal: str = ""
    """One sentence when this person may not answer, or the question is unknown."""
