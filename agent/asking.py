"""Owns how running work puts a question to people: bound to its call, single use, no process held.

A written reply never comes back here: it cancels the work that asked, and the question is closed by
`approvals.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from restate import Context

from agent import approvals
from agent import protocol as p
from agent.config import RunConfig


@dataclass
class Asker:
    """Asks for one invocation of a task. Rebuilt by replay."""

    ctx: Context
    task: str
    thread: p.ThreadRef
    requester: p.Person
    config: RunConfig
    seen_seq: int
    """Newest message the task has read; a newer one may be the answer."""
    before_wait: Callable[[], None] = lambda: None
    """Gives back what must not be held while people think."""

    async def ask(self, call: str, question: str, **what: Any) -> p.ApprovalOutcome:
        """Ask and wait. Raises TerminalError when a message or a stop came first."""
        request = await self.request(call, question, **what)
        self.before_wait()
        return await self.ctx.workflow_call(approvals.run, request.approval, request)

    async def request(
        self,
        call: str,
        question: str,
        *,
        kind: p.AskKind = "question",
        command: str = "",
        workdir: str = "",
        detail: str = "",
        rules: list[str] | None = None,
        options: list[str] | None = None,
        four_eyes: bool = False,
        approvers_only: bool = False,
        attached: str = "",
        budget: p.BudgetLine | None = None,
        generation: int = 0,
    ) -> p.ApprovalRequest:
        """The question, valid for this call and exactly this action.

        Args:
            call: names what asks, once: `"<run of the step>/turn 3: call 1/<call id>"`.
            generation: of the sandbox the action is for.
        """
        action = command or question
        key = approvals.action_key(self.task, call, f"{action}{detail}", workdir, generation)
        config, asked_at = self.config, await self.ctx.time()
        remind = 0 < config.reminder_seconds < config.approval_seconds
        return p.ApprovalRequest(
            kind=kind,
            approval=key,
            thread=self.thread,
            question=question,
            command=command,
            workdir=workdir,
            detail=detail,
            attached=attached,
            budget=budget,
            rules=rules or [],
            options=options or [],
            requester=self.requester,
            approvers=config.approvers,
            four_eyes=four_eyes,
            approvers_only=approvers_only,
            seen_seq=self.seen_seq,
            asked_at=asked_at,
            remind_at=asked_at + config.reminder_seconds if remind else 0.0,
            expires_at=asked_at + config.approval_seconds,
        )
