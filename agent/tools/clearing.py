"""Owns whether a command may run: the verdict, the question to people, and the look again after it.

Only the verdict of the policy and a click of an allowed person decide. Nothing that is written in
the project, printed by a tool or said in the thread is looked at here.
"""

from pydantic import BaseModel

from agent import approvals, policy
from agent import protocol as p
from agent.policy import Verdict
from agent.tools.asking import ask
from agent.tools.contract import Bench, ToolResult, problem
from sandbox.client import Glance
from sandbox.errors import FileProblem

ASKED_CHARS = 1000
SCRIPT_BYTES = 64 * 1024
MOST_SCRIPTS = 8
HOME = "/home/sandbox"
TOO_MANY = f"runs more than {MOST_SCRIPTS} scripts, and so cannot be read whole"
CHANGED = "What was approved is not this action any more, so it was not run."


class _Judged(BaseModel):
    """A verdict, and the scripts that it was made of as well."""

    verdict: Verdict
    scripts: dict[str, str] = {}
    """What each held, by path."""


async def clear(
    bench: Bench, command: str, workdir: str, place: str, call_id: str
) -> ToolResult | None:
    """None when the command may run; else the refusal the model reads. A command that is asked
    about is asked about again each time: an approval is for one call.

    Raises what `ask` raises.
    """
    judged = await _judged(bench, command, workdir, place)
    verdict = judged.verdict
    if verdict.decision == "allow":
        return None
    await _journal(bench, f"{place}: verdict", verdict)
    if verdict.decision == "deny":
        return problem("forbidden", f"This command is not allowed here: it {verdict.reason}.")
    bench.asked = f"approval of the command {command[:ASKED_CHARS]}"
    bench.say(f"waiting for approval of `{_one_line(command)}`", waiting=True)
    asked = f"{bench.run_id}/{place}/{call_id}"
    action = approvals.action_key(bench.task, asked, command, workdir, bench.generation)
    outcome = await ask(
        bench,
        place,
        call_id,
        f"This command {verdict.reason}.",
        kind="command",
        command=command,
        workdir=workdir,
        rules=verdict.hits,
        four_eyes=verdict.four_eyes,
    )
    if outcome.verdict != "approved":
        return _refusal(outcome)
    again = await _judged(bench, command, workdir, f"{place}: once more")
    if not still_holds(outcome, action, judged, again):
        return problem("not_approved", CHANGED, "Run it again to have it asked about.")
    return None


def still_holds(outcome: p.ApprovalOutcome, action: str, asked: _Judged, now: _Judged) -> bool:
    """Whether what people approved is what would run now.

    The sandbox may have another generation by now: that it holds the same files is known, or the
    step would have been started over.
    """
    return outcome.verdict == "approved" and outcome.action == action and asked == now


async def _journal(bench: Bench, name: str, verdict: Verdict) -> None:
    async def give() -> Verdict:
        return verdict

    await bench.ctx.run_typed(name, give)


class _Script(BaseModel):
    """A shell script as far as it was read; empty for anything else, and for what is not there."""

    text: str = ""
    is_whole: bool = True


async def _judged(bench: Bench, command: str, workdir: str, place: str) -> _Judged:
    """The verdict on the command and on the shell scripts that it runs by name, and those run."""
    rules, preset = bench.config.policy, bench.config.approvals
    verdicts = [policy.judge(rules, command, preset, workdir)]
    read: dict[str, str] = {}
    waiting = policy.scripts(command, workdir)
    while waiting:
        path = waiting.pop(0)
        if path in read:
            continue
        if len(read) == MOST_SCRIPTS:
            verdicts.append(Verdict(decision=rules.unparsed, reason=TOO_MANY))
            break
        script = await _script(bench, f"{place}: script {len(read) + 1}", path)
        read[path] = script.text
        if script.text:
            verdicts.append(
                _of_script(policy.judge(rules, script.text, _mild(preset), workdir), path)
            )
            waiting += policy.scripts(script.text, workdir)
        if not script.is_whole:
            long = Verdict(decision=rules.unparsed, reason="is too long to be read")
            verdicts.append(_of_script(long, path))
    return _Judged(verdict=policy.strictest(verdicts), scripts=read)


def _mild(preset: p.ApprovalPreset) -> p.ApprovalPreset:
    """Under `strict` running any script is asked about already; its every line need not be."""
    return "default" if preset == "strict" else preset


def _of_script(verdict: Verdict, path: str) -> Verdict:
    reason = f"runs {path.removeprefix('/project/')}, which {verdict.reason}"
    return verdict.model_copy(update={"reason": reason})


async def _script(bench: Bench, place: str, path: str) -> _Script:
    async def read(glance: Glance) -> _Script:
        try:
            data = await glance.read_bytes(_at_home(path), SCRIPT_BYTES + 1)
        except FileProblem:
            return _Script()
        if not _is_shell(path, data):
            return _Script()
        text = data[:SCRIPT_BYTES].replace(b"\0", b"").decode("utf-8", "replace")
        return _Script(text=text, is_whole=len(data) <= SCRIPT_BYTES)

    return await bench.sandbox.look(place, read, _Script)


def _at_home(path: str) -> str:
    return HOME + path[1:] if path == "~" or path.startswith("~/") else path


def _is_shell(path: str, data: bytes) -> bool:
    """As the shell takes it: also a file that says nothing of itself, unless its first line is that
    of a program."""
    first = data.partition(b"\n")[0]
    if first.startswith(b"#!"):
        return b"sh" in first or path.endswith((".sh", ".bash"))
    return b"\0" not in first


def _refusal(outcome: p.ApprovalOutcome) -> ToolResult:
    who = (outcome.by.name or outcome.by.user_id) if outcome.by else "nobody"
    if outcome.verdict == "denied":
        return problem(
            "denied", f"{who} denied this command.", "Do without it, and say so in the summary."
        )
    return problem("not_approved", f"The approval {outcome.verdict} without an answer.")


def _one_line(command: str, limit: int = 80) -> str:
    lines = command.strip().splitlines()
    text = " ".join(lines[0].split()) if lines else ""
    cut = len(lines) > 1 or len(text) > limit
    return text[: limit - 1].rstrip() + "…" if cut else text
