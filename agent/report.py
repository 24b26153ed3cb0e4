"""Owns what one task shows in the thread: its plan message and its final message.

Revisions count up within the task, so the poster can drop what is old; replay counts the same way.
"""

from restate import WorkflowContext

from agent import events, plans
from agent import protocol as p
from agent.config import RunConfig
from agent.purse import budget_lines

ASKED_CHARS = 200
GO_ON = "Reply here and I go on from what is there."


class Report:
    def __init__(self, ctx: WorkflowContext, thread: p.ThreadRef, task: str) -> None:
        self.ctx = ctx
        self.thread = thread
        self.task = task
        self.started_at = 0.0
        self.model = ""
        self.note = ""
        """Sentence shown with the plan from now on."""
        self.usage = p.Usage()
        self.turns = 0
        self.files: set[str] = set()
        self.checks: dict[str, str] = {}
        """How each command that verified the work last ended."""
        self.links: dict[str, p.Link] = {}
        self._rev = 0
        self._status = p.TaskStatus()

    def runs_by(self, config: RunConfig) -> None:
        """What `status` tells of the choices in force."""
        self.model = config.plan_model
        self._status = p.TaskStatus(
            model=config.model,
            approvals=config.approvals,
            budget_usd=config.budget_usd,
            budgets=budget_lines(config, p.Allowance()),
            plan_first=config.plan_first,
        )
        self.ctx.set("status", self._status)

    def spends(self, config: RunConfig, allowance: p.Allowance) -> None:
        """What `status` tells of the budgets, and of a model that people chose on the way."""
        told = {
            "model": allowance.model or config.model,
            "budgets": budget_lines(config, allowance),
        }
        self._status = self._status.model_copy(update=told)

    def add(self, outcome: p.StepOutcome) -> None:
        self.usage += outcome.usage
        self.turns += outcome.turns
        self.files.update(outcome.files)
        self.checks.update((check.rpartition(" → ")[0], check) for check in outcome.checks)
        self.links.update({link.url: link for link in outcome.links})

    def show_plan(
        self,
        plan: p.Plan,
        state: p.PlanState,
        finished_at: float | None = None,
        *,
        proposed: bool = False,
    ) -> None:
        """Args: `proposed`: what is still to be done stands on a card that asks for consent."""
        self._rev += 1
        body = plans.body(plan, state, self.note, self.started_at, finished_at)
        slot = f"plan:{self.task}"
        shown = plans.agreed(body) if proposed else body
        events.show(self.ctx, self.thread, slot, self._rev, shown, urgent=state != "working")
        known = {
            "state": _TASK_STATE[state],
            "plan": body,
            "usage": self.usage,
        }
        self.ctx.set("status", self._status.model_copy(update=known))

    def answer(self, text: str, seq: int) -> None:
        """Answer a question that came while work goes on."""
        slot = f"note:{self.task}:answer {seq}"
        events.show(self.ctx, self.thread, slot, 1, p.NoteBody(text=text))

    def rethinks(self, plan: p.Plan, why: str) -> None:
        """Show the plan while another is made, with a sentence that holds until then."""
        lasting, self.note = self.note, why
        self.show_plan(plan, "working")
        self.note = lasting

    def finish(
        self,
        outcome: p.Outcome,
        summary: str,
        at: float,
        plan: p.Plan | None,
        messages: list[p.HistoryEntry],
    ) -> None:
        """The plan message in its last state, and the final message."""
        if plan is not None and outcome != "answered":
            self.show_plan(_settled(plan, outcome), outcome, at)
        people = {entry.author.user_id: entry.author for entry in messages}
        result = p.ResultBody(
            task=self.task,
            outcome=outcome,
            summary=summary,
            files=sorted(self.files),
            checks=list(self.checks.values()),
            asked_by=list(people.values()),
            asked=[
                p.Asked(by=entry.author, text=_asked(entry)[:ASKED_CHARS]) for entry in messages
            ],
            seconds=at - self.started_at if self.started_at else 0.0,
            usage=self.usage,
            turns=self.turns,
            model=self.model,
            links=list(self.links.values()),
            continue_hint=GO_ON if outcome in ("blocked", "failed") and self.turns else "",
            downloadable=bool(self.files) or (outcome == "stopped" and self.turns > 0),
        )
        events.show(self.ctx, self.thread, f"result:{self.task}", 1, result, urgent=True)


_TASK_STATE: dict[p.PlanState, p.TaskStateName] = {
    "working": "working",
    "waiting": "waiting",
    "done": "done",
    "blocked": "done",
    "failed": "done",
    "stopped": "done",
}


def _asked(entry: p.HistoryEntry) -> str:
    if not entry.edit:
        return entry.text
    return f"changed it to: {entry.text}" if entry.text else "took a message back"


def _settled(plan: p.Plan, outcome: p.Outcome) -> p.Plan:
    """No step may look as if it still ran."""
    if outcome == "done":
        return plan
    steps = [
        step.model_copy(update={"status": "pending"}) if step.status == "in_progress" else step
        for step in plan.steps
    ]
    return plan.model_copy(update={"steps": steps})
