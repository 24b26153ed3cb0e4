"""Owns the tools that end in people or in the end of a step: `ask_user` and `finish_step`."""

from typing import Annotated, Literal

from pydantic import Field

from agent.tools.asking import ask
from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from agent.tools.shell import one_line


class AskArguments(Arguments):
    question: str
    options: Annotated[
        list[str] | None, Field(description="Two to five short answers to choose from, or null.")
    ]


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


async def finish_step(_b: Bench, _args: FinishArguments, _place: str, _call: str) -> ToolResult:
    """The loop ends the step when this is accepted; see `loop.py`."""
    return ToolResult(ok=True)


def unproven(bench: Bench, args: FinishArguments) -> list[str]:
    """Checks named that were never run in this step."""
    ran = {" ".join(entry.command.split()) for entry in bench.ran}
    return [check for check in args.checks if " ".join(check.split()) not in ran]


def checks_with_results(bench: Bench, args: FinishArguments) -> list[str]:
    """Each named check with the exit code of its last run: what happened, not what was claimed."""
    last = {" ".join(entry.command.split()): entry.exit_code for entry in bench.ran}
    return [
        f"{one_line(check)} → {'passed' if last[' '.join(check.split())] == 0 else 'failed'}"
        for check in args.checks
    ]


ASK = Tool("ask_user", "Ask the people in the thread and wait.", AskArguments, ask_user)
FINISH = Tool("finish_step", "End this step.", FinishArguments, finish_step, mutates=False)
