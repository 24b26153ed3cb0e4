"""Owns making a plan: one model call with structured output, validated, with one repair turn.

A handler of its own, so that an interrupt ends planning just as it ends a step.
"""

from restate import Context, Service, TerminalError

from agent import plans, transcript
from agent import protocol as p
from agent.asking import Asker
from agent.calling import Calls
from agent.config import RunConfig
from agent.llm import Request, Turn, user_hash
from agent.model import Caller
from agent.prompts import render
from agent.purse import Purse, WorkEnds
from agent.retries import LONG_STEP, PROMPT
from sandbox.client import SandboxClient
from sandbox.durable import is_cancel
from sandbox.protocol import SandboxRef

planning = Service(
    p.PLANNING,
    invocation_retry_policy=PROMPT,
    inactivity_timeout=LONG_STEP,
    abort_timeout=LONG_STEP,
)


class PlanRequest(p.Wire):
    task: str
    thread: p.ThreadRef
    requester: p.Person
    seen_seq: int = 0
    """Newest message the task has read."""
    allowance: p.Allowance = p.Allowance()
    config: RunConfig
    messages: list[p.HistoryEntry]
    digests: list[p.TaskDigest]
    context: list[p.ThreadMessage] = []
    """What stood in the thread before we were mentioned in it."""
    plan: p.Plan | None = None
    """The interrupted plan."""
    seen_before: int = 0
    """Highest sequence number the interrupted plan knew."""
    summary: str = ""
    """What the tasks before `digests` came to."""
    files: list[str] = []
    guidance: str = ""
    repository: str = ""
    """Where the project comes from, or why it could not be had."""
    answers: list[p.Answered] = []
    """Questions of earlier drafts, and what came of them."""
    trouble: str = ""
    """Why the plan so far did not work out."""
    sandbox: SandboxRef | None = None
    """Where the images are that came with the messages."""


class PlanReply(p.Wire):
    plan: p.Plan | None = None
    interrupted: bool = False
    problem: str = ""
    """One sentence when no usable plan came; `plan` is None then."""
    usage: p.Usage = p.Usage()
    model: str = ""
    """The model that answered, as its server names it."""
    stopped: bool = False
    """People chose to stop on a card; `problem` says so."""
    blocked: bool = False
    """A budget is used up, and nobody said how to go on."""
    allowance: p.Allowance | None = None
    """As it is now; None leaves it as it was."""


@planning.handler()
async def make_plan(ctx: Context, request: PlanRequest) -> PlanReply:
    """Ask, validate, and once more with the validator's words. A cancel answers `interrupted`."""
    planner = _Planner(ctx, request)
    try:
        reply = await planner.plan()
    except WorkEnds as end:
        stopped = end.outcome == "stopped"
        reply = PlanReply(problem=str(end), stopped=stopped, blocked=not stopped)
    except TerminalError as error:
        cancelled = is_cancel(error)
        reply = PlanReply(interrupted=cancelled, problem="" if cancelled else error.message)
    planner.caller.rest()
    told = {
        "usage": planner.calls.usage,
        "model": planner.calls.model,
        "allowance": planner.purse.allowance,
    }
    return reply.model_copy(update=told)


class _Planner:
    """Rebuilt by replay."""

    def __init__(self, ctx: Context, request: PlanRequest) -> None:
        self.request = request
        self.caller = Caller(ctx, request.thread.key, background=request.config.background)
        asker = Asker(
            ctx,
            request.task,
            request.thread,
            request.requester,
            request.config,
            request.seen_seq,
            self.caller.rest,
        )
        self.purse = Purse(asker, request.config, request.allowance)
        self.calls = Calls(self.caller, self.purse)
        self._look = SandboxClient(ctx, request.sandbox, 0).peek if request.sandbox else None

    async def plan(self) -> PlanReply:
        """Raises WorkEnds, or TerminalError when cancelled or when the model fails for good."""
        request = self.request
        items = transcript.for_planner(
            request.messages,
            request.digests,
            request.plan,
            request.files,
            request.seen_before,
            request.context,
            summary=request.summary,
            guidance=request.guidance,
            repository=request.repository,
            answers=request.answers,
            trouble=request.trouble,
        )
        problem, usable = "", None
        for place in ("plan", "plan repair"):
            turn = await self._ask(place, items)
            if turn.refusal:
                return PlanReply(problem=f"The model refused: {turn.refusal}")
            try:
                usable = plans.parse(_text_of(turn))
                if place == "plan":  # asked once: after that, such steps are given ids of their own
                    plans.refuse_reusing(request.plan, usable)
                return PlanReply(plan=usable)
            except ValueError as error:
                problem = str(error)
            items = [
                *items,
                *turn.items,
                transcript.user(
                    f"That is not a usable plan ({problem}). Answer with the plan again."
                ),
            ]
        if usable is not None:
            return PlanReply(plan=usable)
        return PlanReply(
            problem=f"The model gave no usable plan, twice ({problem}). Try again in other words."
        )

    async def _ask(self, place: str, items: list[transcript.Item]) -> Turn:
        def request_to(model: str) -> Request:
            return _as_request(self.request, model, items)

        return await self.calls.ask(place, self.request.config.plan_model, request_to, self._look)


def _text_of(turn: Turn) -> str:
    if turn.stop == "end":
        return turn.text
    raise ValueError(f"the answer ended early: {turn.error or turn.stop}")


def _as_request(request: PlanRequest, model: str, items: list[transcript.Item]) -> Request:
    return Request(
        model=model,
        instructions=render("planner"),
        items=items,
        json_schema=plans.DRAFT_SCHEMA,
        schema_name="plan",
        effort=request.config.effort,
        cache_key=request.task,
        user_hash=user_hash(request.thread.team, request.requester.user_id),
    )
