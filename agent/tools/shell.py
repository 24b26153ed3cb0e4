"""Owns `shell` and `job`: commands as detached jobs, judged by the policy before they start."""

from typing import Annotated, Literal

from pydantic import Field

from agent import protocol as p
from agent.policy import judge
from agent.tools.asking import ask
from agent.tools.contract import Arguments, Bench, Ran, Tool, ToolResult, problem
from sandbox.client import CommandResult
from sandbox.protocol import Command

DEFAULT_SECONDS, MAX_SECONDS = 120, 600
ASKED_CHARS = 1000


class ShellArguments(Arguments):
    command: Annotated[str, Field(description="Text for `bash -lc`; not interactive.")]
    workdir: Annotated[str | None, Field(description="Folder in the project; null: its root.")]
    timeout_s: Annotated[
        int | None, Field(description=f"Seconds, 1 to {MAX_SECONDS}; null: {DEFAULT_SECONDS}.")
    ]
    background: Annotated[
        bool | None, Field(description="true: return at once with a job id for `job`.")
    ]


class JobArguments(Arguments):
    job_id: str
    action: Literal["poll", "wait", "kill"]
    wait_s: Annotated[int | None, Field(description="Seconds for `wait`, 1 to 60; null: 20.")]


async def run_shell(bench: Bench, args: ShellArguments, place: str, call_id: str) -> ToolResult:
    """Judge, maybe ask people, then run as a job named by its place: a retry attaches to it."""
    if not args.command.strip():
        return problem("bad_arguments", "command: it is empty")
    if args.timeout_s is not None and not 1 <= args.timeout_s <= MAX_SECONDS:
        return problem("bad_arguments", f"timeout_s: must be 1 to {MAX_SECONDS}")
    workdir = args.workdir or "."
    refused = await _cleared(bench, args.command, workdir, place, call_id)
    if refused is not None:
        return refused
    command = Command(
        command=args.command, workdir=workdir, timeout_seconds=args.timeout_s or DEFAULT_SECONDS
    )
    job_id = f"{bench.run_id}/{place}"
    bench.say(f"`{one_line(args.command)}`")
    if args.background:
        await bench.sandbox.start(f"{place}: start", job_id, command)
        return ToolResult(ok=True, data={"job_id": job_id, "state": "running"})
    result = await bench.sandbox.run(f"{place}: shell", job_id, command)
    bench.ran.append(Ran(args.command, result.exit_code))
    bench.seconds += result.seconds
    return _as_result(result, args.timeout_s or DEFAULT_SECONDS)


async def run_job(bench: Bench, args: JobArguments, place: str, _call_id: str) -> ToolResult:
    if not args.job_id.startswith(f"{bench.run_id}/"):
        return problem("unknown_job", "job_id: not a background job of this step")
    if args.action == "kill":
        await bench.sandbox.cancel(f"{place}: kill", args.job_id)
    wait = min(max(args.wait_s or 20, 1), 60) if args.action == "wait" else 0
    result = await bench.sandbox.poll(f"{place}: {args.action}", args.job_id, float(wait))
    return _as_result(result, 0)


async def _cleared(
    bench: Bench, command: str, workdir: str, place: str, call_id: str
) -> ToolResult | None:
    """None when the command may run; else the refusal the model reads."""
    verdict = judge(bench.config.policy, command, bench.config.approvals)
    if verdict.decision == "allow":
        return None
    if verdict.decision == "deny":
        return problem("forbidden", f"This command is not allowed here: it {verdict.reason}.")
    bench.asked = f"approval of the command {command[:ASKED_CHARS]}"
    bench.say(f"waiting for approval of `{one_line(command)}`", waiting=True)
    why = f"This command {verdict.reason}."
    outcome = await ask(
        bench, place, call_id, why, command=command, workdir=workdir, four_eyes=verdict.four_eyes
    )
    if outcome.verdict == "approved":
        return None
    return _refusal(outcome)


def _refusal(outcome: p.ApprovalOutcome) -> ToolResult:
    who = (outcome.by.name or outcome.by.user_id) if outcome.by else "nobody"
    if outcome.verdict == "denied":
        return problem(
            "denied", f"{who} denied this command.", "Do without it, and say so in the summary."
        )
    return problem("not_approved", f"The approval {outcome.verdict} without an answer.")


def _as_result(result: CommandResult, limit: int) -> ToolResult:
    data: dict[str, object] = {
        "exit_code": result.exit_code,
        "seconds": round(result.seconds, 1),
        "output": result.output,
        "log": result.log_path,
    }
    if result.lost:
        hint = "Look at the files before you run it again."
        return problem("lost", "The sandbox was restarted while this ran.", hint)
    if result.timed_out:
        data["detail"] = f"stopped after {limit} s"
    elif result.cancelled:
        data["detail"] = "killed"
    elif result.exit_code is None:
        data["state"] = "running"
        del data["exit_code"]
    return ToolResult(ok=result.exit_code in (0, None), data=data)


def one_line(command: str, limit: int = 80) -> str:
    lines = command.strip().splitlines()
    text = " ".join(lines[0].split()) if lines else ""
    cut = len(lines) > 1 or len(text) > limit
    return text[: limit - 1].rstrip() + "…" if cut else text


SHELL = Tool(
    "shell",
    "Run a bash command in the project. Output is clipped; `log` names the whole of it.",
    ShellArguments,
    run_shell,
)
JOB = Tool(
    "job", "Look at, wait for or kill a background command.", JobArguments, run_job, mutates=False
)
