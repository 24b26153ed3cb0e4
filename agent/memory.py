"""Owns summarising what a session's oldest tasks came to: one cheap call of the model.

Nothing waits for it: until the summary arrives the session goes on with its digests. When the model
gives none, a plain one takes its place.
"""

from textwrap import indent

import restate
from restate import Context, RunOptions, Service, TerminalError

from agent import calls, digests, settings
from agent import protocol as p
from agent.llm import Request, Turn, priced
from agent.model import Caller
from agent.prompts import render
from agent.retries import LONG_STEP, PROMPT
from agent.transcript import user
from sandbox.durable import is_cancel

memory = Service(
    p.MEMORY,
    invocation_retry_policy=PROMPT,
    inactivity_timeout=LONG_STEP,
    abort_timeout=LONG_STEP,
)

MOST_TOKENS = 8000
"""Of an answer, its reasoning included."""

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class FoldRequest(p.Wire):
    thread: p.ThreadRef
    summary: str
    """What the tasks before came to."""
    digests: list[p.TaskDigest]
    """Oldest first."""


class _Model(p.Wire):
    name: str


@memory.handler()
async def fold(ctx: Context, request: FoldRequest) -> p.Nothing:
    """Summarise, and tell the session, whatever the model says. A cancel by an operator passes: the
    session does without."""
    model = await ctx.run_typed("settings", _model, RunOptions(type_hint=_Model))
    caller = Caller(ctx, request.thread.key)
    summary, usage = "", p.Usage()
    try:
        turn = await caller.ask("summary", _as_request(request, model.name))
        summary, usage = _text_of(turn), priced(turn)
    except TerminalError as error:
        if is_cancel(error):
            caller.rest()
            raise
        log.warning("%s is summarised plainly: %s", request.thread.key, error.message)
    caller.rest()
    told = p.Summarised(
        until=request.digests[-1].task,
        summary=digests.cut(summary, digests.SUMMARY_CHARACTERS)
        or digests.plain(request.summary, request.digests),
        usage=usage,
    )
    calls.send(ctx, p.ON_SUMMARY, request.thread.key, told)
    return p.Nothing()


async def _model() -> _Model:
    now = settings.current()
    return _Model(name=now.llm_model_summary or now.llm_model)


def _text_of(turn: Turn) -> str:
    """Empty for an answer that is none."""
    return turn.text.strip() if turn.stop == "end" and not turn.refusal else ""


def _as_request(request: FoldRequest, model: str) -> Request:
    earlier = [f"# Summary so far\n{_quoted(request.summary)}"] if request.summary else []
    tasks = "\n".join(_row(digest) for digest in request.digests)
    return Request(
        model=model,
        instructions=render("summary"),
        items=[user("\n\n".join([*earlier, f"# Finished tasks, oldest first\n{tasks}"]))],
        max_output_tokens=MOST_TOKENS,
        cache_key=request.thread.key,
    )


def _row(digest: p.TaskDigest) -> str:
    found = [f"{f.by.name or f.by.user_id} found it {f.verdict}" for f in digest.feedback]
    judged = [f"  feedback: {', '.join(found)}"] if found else []
    ended = f"  {digest.outcome}: {_inset(digest.summary)}"
    return "\n".join([f"- asked: {_inset(digest.request)}", ended, *judged])


def _quoted(text: str) -> str:
    return indent(text, "> ", lambda _: True)


def _inset(text: str) -> str:
    """So that no line of it passes for a heading or a task."""
    return indent(text, "    ").lstrip()
