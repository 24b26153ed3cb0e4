"""Owns one plan step as an invocation of its own: its journal, its fence, and its clean end.

An interrupt or a stop arrives as a cancel. The command that runs is killed by the sandbox client on
the way out, and the step answers "interrupted" with what it had done, so that a new plan can
build on it.
"""

import restate
from restate import Context, Service, TerminalError

from agent import protocol as p
from agent import transcript
from agent.asking import Asker
from agent.config import RunConfig
from agent.llm import user_hash
from agent.lookup import is_worth
from agent.loop import StepLoop
from agent.model import Caller
from agent.purse import Purse
from agent.retries import LONG_STEP, PROMPT
from agent.secrets import redact
from agent.tools.contract import Bench, Checkpoint, RolledBack
from sandbox.client import SandboxClient
from sandbox.durable import is_cancel
from sandbox.errors import SandboxError, SandboxGone, Unreachable
from sandbox.protocol import SandboxRef

WAITS = "waiting for an answer about money"

step = Service(
    p.STEP, invocation_retry_policy=PROMPT, inactivity_timeout=LONG_STEP, abort_timeout=LONG_STEP
)


class StepRequest(p.Wire):
    task: str
    thread: p.ThreadRef
    requester: p.Person
    config: RunConfig
    plan: p.Plan
    step_id: str
    number: int
    """Counts the steps this task has started: orders their activity, tells their commands apart."""
    messages: list[p.HistoryEntry]
    digests: list[p.TaskDigest] = []
    context: list[p.ThreadMessage] = []
    """What stood in the thread before we were mentioned in it."""
    summary: str = ""
    """What the tasks before `digests` came to."""
    guidance: str = ""
    """What the project says to those who work on it."""
    repository: str = ""
    """Where the project comes from, or why it could not be had."""
    in_repository: bool = False
    """It comes from one, and can be published."""
    answers: list[p.Answered] = []
    """What people were asked about the plan, and what came of it."""
    sandbox: SandboxRef
    seen_seq: int = 0
    """Newest message the task had read when the step began."""
    spent_usd: float = 0.0
    """What the task has cost before this step; of older releases."""
    allowance: p.Allowance | None = None
    after: Checkpoint | None = None
    """The checkpoint of the step before, maybe still under way."""
    fence: int
    """Grows with every task and every new plan; the sandbox refuses writes of lower ones."""


log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


@step.handler()
async def run_step(ctx: Context, request: StepRequest) -> p.StepOutcome:
    """Work until the model finishes the step, a limit is hit, or we are cancelled."""
    sandbox = SandboxClient(ctx, request.sandbox, request.fence, clean=redact)
    caller = Caller(ctx, request.thread.key, background=request.config.background)
    asker = Asker(
        ctx,
        request.task,
        request.thread,
        request.requester,
        request.config,
        request.seen_seq,
        caller.rest,
    )
    before = request.allowance or p.Allowance(spent_usd=request.spent_usd)
    bench = Bench(
        ctx=ctx,
        asker=asker,
        caller=caller,
        purse=Purse(asker, request.config, before),
        sandbox=sandbox,
        fence=request.fence,
        user_hash=user_hash(request.thread.team, request.requester.user_id),
        task=request.task,
        run_id=f"{request.task}/{request.step_id}/run {request.number}",
        thread=request.thread,
        config=request.config,
        generation=request.sandbox.generation,
        repository=request.in_repository,
        long_thread=is_worth(request.summary, request.digests, request.messages, request.context),
        activity_rev=request.number * 10_000,
        after=request.after,
    )
    current = next(s for s in request.plan.steps if s.id == request.step_id)
    items = transcript.for_worker(
        request.messages,
        request.digests,
        request.plan,
        current,
        request.context,
        summary=request.summary,
        guidance=request.guidance,
        repository=request.repository,
        answers=request.answers,
    )
    bench.purse.waits = lambda waiting: bench.say(WAITS if waiting else "", waiting=waiting)
    loop = StepLoop(bench, items)
    outcome = await _work(loop, bench)
    caller.rest()
    outcome = outcome.model_copy(update={"allowance": bench.purse.allowance, "links": bench.links})
    if outcome.outcome != "rolled_back":
        outcome = outcome.model_copy(update={"mutated": bench.mutated})
    log.info("%s: %s, %d turns", bench.run_id, outcome.outcome, outcome.turns)
    return outcome


async def _work(loop: StepLoop, bench: Bench) -> p.StepOutcome:
    try:
        await _claim(bench)
        return await loop.run()
    except RolledBack as loss:
        return p.StepOutcome(
            outcome="rolled_back",
            summary=str(loss),
            checkpoint=loss.checkpoint,
            generation=loss.generation,
            usage=loop.calls.usage,
            turns=loop.guards.turns,
        )
    except (TerminalError, SandboxError) as error:
        cancelled = isinstance(error, TerminalError) and is_cancel(error)
        return p.StepOutcome(
            outcome="interrupted" if cancelled else "failed",
            summary=_what_was_done(bench) if cancelled else _sentence(error),
            final=not cancelled,
            files=sorted(bench.written),
            usage=loop.calls.usage,
            turns=loop.guards.turns,
        )


async def _claim(bench: Bench) -> None:
    try:
        await bench.sandbox.claim("claim")
    except (SandboxGone, Unreachable):  # since it was acquired for us
        if await bench.reacquire("claim") is None:
            await bench.sandbox.claim("claim once more")


def _sentence(error: TerminalError | SandboxError) -> str:
    return error.message if isinstance(error, TerminalError) else str(error)


def _what_was_done(bench: Bench) -> str:
    parts = []
    if bench.written:
        parts.append(f"wrote {', '.join(sorted(bench.written))}")
    if bench.ran:
        parts.append(f"ran {len(bench.ran)} commands")
    done = f"Interrupted after it {' and '.join(parts)}." if parts else "Interrupted at once."
    return f"{done} It had asked: {bench.asked}" if bench.asked else done
