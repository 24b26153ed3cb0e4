"""Owns the tools that end in people or in the end of a step: `ask_user`, `request_approval` and
`finish_step`."""

from typing import Annotated, Literal

from pydantic import Field

from agent.policy import judge
from agent.tools.asking import ask
from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.output import one_line

QUESTION_CHARS = 1000


class AskArguments(Arguments):
    question: str
    options: Annotated[
        list[str] | None, Field(description="Two to five short answers to choose from, or null.")
    ] = None


class ApproveArguments(Arguments):
    action: Annotated[str, Field(description="What you are about to do, in one sentence.")]
    why: Annotated[str, Field(description="Why you doubt that it is wanted.")]
    command: Annotated[
        str | None, Field(description="The exact command, when it is one; null otherwise.")
    ] = None


class FinishArguments(Arguments):
    outcome: Literal["done", "blocked", "failed"]
    summary: Annotated[str, Field(description="What later steps must know, at most 100 words.")]
    files: Annotated[list[str], Field(description="Files made or changed.")]
    checks: Annotated[
        list[str], Field(description="Commands run in this step that show it is done, verbatim.")
    ]


async def ask_user(bench: Bench, args: AskArguments, place: str, call_id: str) -> ToolResult:
    """Ask in the thread and wait without a process. A written reply interrupts the task instead."""
    options = [option.strip()[:75] for option in args.options or [] if option.strip()]
    if len(options) > 5 or len(set(options)) < len(options):
        return problem("bad_arguments", "options: at most five, each different")
    bench.asked = args.question
    bench.say(f"asked: {one_line(args.question)}", waiting=True)
    outcome = await ask(bench, place, call_id, args.question, options=options)
    if outcome.verdict != "answered" or outcome.by is None:
        return problem("no_answer", "Nobody answered in time.", "Finish the step as blocked.")
    who = outcome.by.name or outcome.by.user_id
    return ToolResult(ok=True, data={"answer": outcome.answer, "by": who})


async def request_approval(
    bench: Bench, args: ApproveArguments, place: str, call_id: str
) -> ToolResult:
    """The model's own doubt. A yes runs nothing and opens nothing: the policy asks by itself, for
    each call of what it guards, and for such a command nobody is asked twice."""
    if not args.action.strip():
        return problem("bad_arguments", "action: it is empty")
    if args.command:
        verdict = judge(bench.config.policy, args.command, bench.config.approvals)
        if verdict.decision != "allow":
            detail = f"This command {verdict.reason}: running it asks, or is refused, by itself."
            return problem("not_needed", detail, "Call shell with it.")
    bench.asked = f"approval of: {one_line(args.action)}"
    bench.say(f"waiting for approval: {one_line(args.action)}", waiting=True)
    question = f"{args.action.strip()} ({args.why.strip()})"[:QUESTION_CHARS]
    exact = args.command or args.action
    outcome = await ask(bench, place, call_id, question, kind="command", command=exact)
    who = (outcome.by.name or outcome.by.user_id) if outcome.by else "nobody"
    if outcome.verdict == "approved":
        return ToolResult(ok=True, data={"approved": args.action, "by": who})
    if outcome.verdict == "denied":
        return problem("denied", f"{who} denied this.", "Do without it; say so in the summary.")
    return problem("not_approved", f"The approval {outcome.verdict} without an answer.")


async def finish_step(_b: Bench, _args: FinishArguments, _place: str, _call: str) -> ToolResult:
    """The loop ends the step when this is accepted; see `loop.py`."""
    return ToolResult(ok=True)


ASK = Tool("ask_user", "Ask the people in the thread and wait.", AskArguments, ask_user)
APPROVE = Tool(
    "request_approval",
    "Ask people whether to do what you doubt, and wait. Guarded commands ask by themselves.",
    ApproveArguments,
    request_approval,
    mutates=False,
)
FINISH = Tool("finish_step", "End this step.", FinishArguments, finish_step, mutates=False)
