"""Owns `shell` and `job`: commands as detached jobs, judged by the policy before they start."""

import posixpath
from typing import Annotated, Literal

from pydantic import Field

from agent.tools.clearing import clear
from agent.tools.contract import SAY_SECONDS, Arguments, Bench, Ran, Tool, ToolResult, problem
from agent.tools.output import one_line, plain
from agent.tools.patch import in_shell, patch_from
from sandbox.client import CommandResult
from sandbox.protocol import Command

DEFAULT_SECONDS, MAX_SECONDS = 120, 600
WAIT_SECONDS, MAX_WAIT_SECONDS = 20, 60
COMMAND_BYTES = 200_000


class ShellArguments(Arguments):
    command: Annotated[str, Field(description="Text for `bash -lc`; not interactive.")]
    workdir: Annotated[str | None, Field(description="Folder in the project; null: its root.")] = (
        None
    )
    timeout_s: Annotated[
        int | None, Field(description=f"Seconds, 1 to {MAX_SECONDS}; null: {DEFAULT_SECONDS}.")
    ] = None
    background: Annotated[
        bool | None, Field(description="true: return at once with a job id for `job`.")
    ] = None


class JobArguments(Arguments):
    job_id: str
    action: Literal["poll", "wait", "kill"]
    wait_s: Annotated[
        int | None,
        Field(description=f"Seconds for `wait`, 1 to {MAX_WAIT_SECONDS}; null: {WAIT_SECONDS}."),
    ] = None


async def run_shell(bench: Bench, args: ShellArguments, place: str, call_id: str) -> ToolResult:
    """Judge, maybe ask people, then run as a job named by its place: a retry attaches to it."""
    wrong = _unusable(args)
    if wrong is not None:
        return wrong
    workdir, limit = args.workdir or ".", args.timeout_s or DEFAULT_SECONDS
    patch = in_shell(args.command)
    if patch is not None:
        folder = posixpath.join(workdir, patch[0])
        done = await patch_from(bench, patch[1], folder, place)
        return done.model_copy(update={"data": {**done.data, "note": "apply_patch is a tool."}})
    refused = await clear(bench, args.command, workdir, place, call_id)
    if refused is not None:
        return refused
    command = Command(command=args.command, workdir=workdir, timeout_seconds=limit)
    job_id = f"{bench.run_id}/{place}"
    bench.say(f"`{one_line(args.command)}`")
    if args.background:
        await bench.sandbox.start(f"{place}: start", job_id, command)
        bench.jobs[job_id], bench.commands[job_id] = 0, args.command
        return ToolResult(ok=True, data={"job_id": job_id, "state": "running"})
    first_seconds = SAY_SECONDS if bench.held_back else None
    result = await bench.sandbox.run(
        f"{place}: shell", job_id, command, first_seconds, bench.still_running
    )
    bench.ran.append(Ran(args.command, result.exit_code))
    bench.seconds += result.seconds
    return as_result(result, limit)


def _unusable(args: ShellArguments) -> ToolResult | None:
    if not args.command.strip():
        return problem("bad_arguments", "command: it is empty")
    if "\0" in args.command:
        return problem("bad_arguments", "command: it holds a zero byte, which bash cannot take")
    size = len(args.command.encode())
    if size > COMMAND_BYTES:
        hint = "Write what is long to a file with write_file."
        return problem("bad_arguments", f"command: {size} bytes, at most {COMMAND_BYTES}", hint)
    if args.timeout_s is not None and not 1 <= args.timeout_s <= MAX_SECONDS:
        hint = "Run what takes longer with background: true, in parts."
        return problem("bad_arguments", f"timeout_s: must be 1 to {MAX_SECONDS}", hint)
    return None


async def run_job(bench: Bench, args: JobArguments, place: str, _call_id: str) -> ToolResult:
    """A background command of this step: what it printed since the last look, and how it ended."""
    if args.job_id not in bench.jobs:
        known = ", ".join(bench.jobs) or "there is none"
        return problem("unknown_job", "job_id: not a background command of this step", known)
    if args.action == "kill":
        await bench.sandbox.cancel(f"{place}: kill", args.job_id)
    wait = min(max(args.wait_s or WAIT_SECONDS, 1), MAX_WAIT_SECONDS)
    seconds = float(wait) if args.action == "wait" else 0.0
    since = bench.jobs[args.job_id]
    result = await bench.sandbox.poll(f"{place}: {args.action}", args.job_id, seconds, since)
    bench.jobs[args.job_id] = result.next_offset
    if result.exit_code is not None and args.job_id in bench.commands:
        bench.ran.append(Ran(bench.commands.pop(args.job_id), result.exit_code))
    bench.seconds += seconds if result.exit_code is None else min(seconds, result.seconds)
    return as_result(result, 0)


def as_result(result: CommandResult, limit: int) -> ToolResult:
    data: dict[str, object] = {
        "exit_code": result.exit_code,
        "seconds": round(result.seconds, 1),
        "output": plain(result.output),
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


SHELL = Tool(
    "shell",
    "Run a bash command in the project. Output is clipped; `log` names the whole of it.",
    ShellArguments,
    run_shell,
)
JOB = Tool(
    "job", "Look at, wait for or kill a background command.", JobArguments, run_job, mutates=False
)
