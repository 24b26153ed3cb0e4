"""Owns making a plan: one model call with structured output, validated, with one repair turn.

A handler of its own, so that an interrupt ends planning just as it ends a step.
"""

from restate import Context, Service, TerminalError

from agent import plans, transcript
from agent import protocol as p
from agent.config import RunConfig
from agent.llm import Request, Turn, priced
from agent.model import ask
from agent.prompts import render
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
    config: RunConfig
    messages: list[p.HistoryEntry]
    digests: list[p.TaskDigest]
    context: list[p.ThreadMessage] = []
    """What stood in the thread before we were mentioned in it."""
    plan: p.Plan | None = None
    """The interrupted plan."""
    seen_before: int = 0
    """Highest sequence number the interrupted plan knew."""
    files: list[str] = []
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


@planning.handler()
async def make_plan(ctx: Context, request: PlanRequest) -> PlanReply:
    """Ask, validate, and once more with the validator's words. A cancel answers `interrupted`."""
    try:
        return await _make_plan(ctx, request)
    except TerminalError as error:
        if is_cancel(error):
            return PlanReply(interrupted=True)
        return PlanReply(problem=error.message)


async def _make_plan(ctx: Context, request: PlanRequest) -> PlanReply:
    items = transcript.for_planner(
        request.messages,
        request.digests,
        request.plan,
        request.files,
        request.seen_before,
        request.context,
    )
    look = SandboxClient(ctx, request.sandbox, 0).peek if request.sandbox else None
    usage = p.Usage()
    problem = ""
    for place in ("plan", "plan repair"):
        turn = await ask(ctx, place, _as_request(request, items), look)
        usage += priced(turn.usage, turn.model)
        if turn.refusal:
            return PlanReply(problem=f"The model refused: {turn.refusal}", usage=usage)
        try:
            return PlanReply(plan=plans.parse(_text_of(turn)), usage=usage, model=turn.model)
        except ValueError as error:
            problem = str(error)
        items = [
            *items,
            *turn.items,
            transcript.user(f"That is not a usable plan ({problem}). Answer with the plan again."),
        ]
    return PlanReply(
        problem=f"The model gave no usable plan, twice ({problem}). Try again in other words.",
        usage=usage,
    )


def _text_of(turn: Turn) -> str:
    if turn.stop == "end":
        return turn.text
    raise ValueError(f"the answer ended early: {turn.error or turn.stop}")


def _as_request(request: PlanRequest, items: list[transcript.Item]) -> Request:
    return Request(
        model=request.config.plan_model,
        instructions=render("planner"),
        items=items,
        json_schema=plans.DRAFT_SCHEMA,
        schema_name="plan",
        effort=request.config.effort,
        cache_key=request.task,
    )
