"""Owns questions only people answer: the request, an answer, the outcome that counted."""

from typing import Literal

from agent.protocol.people import Person, ThreadRef, Wire
from agent.protocol.work import BudgetLine

Verdict = Literal["approved", "denied", "answered", "expired", "withdrawn"]


AskKind = Literal["command", "question", "plan", "budget", "publish"]
"""command: a risky action. question: of the model. plan: whether to begin with it. budget: whether
and how to go on when money or the provider's quota is used up. publish: a push or a pull request.
People approve or deny a command, a plan and a publication; the others have options."""

_DECIDED: frozenset[AskKind] = frozenset({"command", "plan", "publish"})


class ApprovalRequest(Wire):
    """A question only people answer."""

    kind: AskKind = "command"
    approval: str
    """Key of the Approval workflow: `<task>/<action hash>`."""
    thread: ThreadRef
    question: str
    """Why it is asked, or the model's question."""
    command: str = ""
    """The exact action: a command, or what is published where."""
    workdir: str = "."
    detail: str = ""
    """Shown whole with it: the steps of a plan, the diff that is published."""
    attached: str = ""
    """Name of a file in the thread that holds whole what `detail` only begins."""
    budget: BudgetLine | None = None
    """The budget that was reached; None when the provider's account has nothing left."""
    rules: list[str] = []
    """Ids of the rules of the policy that ask."""
    options: list[str] = []
    requester: Person
    approvers: list[str] = []
    """Ids of users and user groups that may answer besides the requester."""
    four_eyes: bool = False
    """The requester may deny it, but not approve it."""
    approvers_only: bool = False
    """Only `approvers` may answer, where there are any: it is not the requester's money alone."""
    seen_seq: int = 0
    """Newest message the asking task had read; a newer one may be the answer."""
    asked_at: float = 0.0
    remind_at: float = 0.0
    """When the thread is reminded, once; 0 for never."""
    expires_at: float

    @property
    def is_decided(self) -> bool:
        """Asks for Approve or Deny, not for one of the options."""
        return self.kind in _DECIDED


class ApprovalAnswer(Wire):
    approval: str
    by: Person
    decision: Literal["approve", "deny", "answer"]
    answer: str = ""
    """The chosen option of a question."""


class ApprovalOutcome(Wire):
    verdict: Verdict
    action: str = ""
    """Of an approval: the key of the exact action that was on the card."""
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
