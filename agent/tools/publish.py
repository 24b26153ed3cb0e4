"""Owns `open_pull_request`: the project goes to its repository, after people agreed.

The model says it is ready and what it is; which branch, which commit and how is ours alone.
"""

from typing import Annotated

from pydantic import Field

from agent import protocol as p
from agent.repositories import attaching, inside, publishing
from agent.repositories import record as records
from agent.repositories.fetching import BringRequest, Brought, bring
from agent.repositories.publishing import Examined
from agent.repositories.record import Published, Record
from agent.tools.asking import ask
from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from sandbox.errors import SandboxGone
from sandbox.protocol import Command

SECONDS = 300
NO_REPOSITORY = "This project did not begin from a repository, so there is nowhere to publish it."
NO_FILE = (
    "The difference is too long for a card, and Slack did not take it as a file: try again, or "
    "publish less at once."
)
NOTHING = "There is nothing to publish: the project is as it was in the repository."


class PullRequestArguments(Arguments):
    title: Annotated[str, Field(description="One line, as the repository's people write them.")]
    body: Annotated[str, Field(description="What changed, why, and how it was checked; Markdown.")]


async def open_pull_request(
    bench: Bench, args: PullRequestArguments, place: str, call_id: str
) -> ToolResult:
    """Safe to run again: the same branch is pushed, and its open pull request kept up to date."""
    title = inside.one_line(args.title, publishing.TITLE_CHARACTERS)
    body = args.body[: publishing.BODY_CHARACTERS].strip()
    if not title:
        return problem("bad_arguments", "title: it is empty")
    key = bench.thread.key
    record = await bench.ctx.object_call(records.read, key, p.Nothing())
    if record.repository is None:
        return problem("no_repository", NO_REPOSITORY)
    name = record.repository.full_name
    bench.say(f"looking at what changed in {name}")
    ready = await _examined(bench, place, record, title, f"{title}\n\n{body}")
    if isinstance(ready, ToolResult):
        return ready
    record, seen, attached = ready
    name = publishing.named_of(record).full_name
    action = _action(record, seen)
    bench.asked = f"approval to {action}"
    bench.say(f"waiting for approval to {action}", waiting=True)
    outcome = await ask(
        bench,
        place,
        call_id,
        f"{name} gets the pull request “{title}”. {seen.warning}".strip(),
        kind="publish",
        command=action,
        detail=seen.shown,
        attached=attached,
    )
    if outcome.verdict != "approved":
        return _not_approved(outcome)
    bench.say(f"pushing to {name}")
    if (refused := await _laid_down(bench, f"{place}: bundle again", record, title)) is not None:
        return refused
    say = _saying(bench)
    pushed = await publishing.push(
        bench.ctx, f"{place}: push", bench.sandbox.ref, record, seen, say
    )
    if pushed.problem:
        return problem("not_published", pushed.problem)
    await bench.ctx.object_call(records.published, key, Published(pushed=pushed.commit))
    opened = await publishing.open_pull(
        bench.ctx, f"{place}: pull request", record, title, body, say
    )
    if opened.problem:
        where = f"The branch {record.branch} is pushed, but has no pull request."
        return problem("no_pull_request", f"{opened.problem} {where}")
    await bench.ctx.object_call(records.published, key, Published(pull_request=opened.url))
    bench.links.append(p.Link(label=f"Pull request #{opened.number}", url=opened.url))
    return ToolResult(
        ok=True,
        data={
            "pull_request": opened.url,
            "repository": name,
            "branch": record.branch,
            "base": record.base,
            "commit": pushed.commit,
        },
    )


async def _examined(
    bench: Bench, place: str, record: Record, title: str, words: str
) -> tuple[Record, Examined, str] | ToolResult:
    """What would be published, on top of what the host has now; with the name of the file that
    shows it whole, when a card cannot."""
    say = _saying(bench)
    checked = await publishing.check(bench.ctx, f"{place}: check", record, say)
    if checked.problem:
        return problem("not_published", checked.problem)
    seen = Examined()
    for attempt in (1, 2):
        at = f"{place}: look {attempt}"
        brought = await _kept_up(bench, at, record, title, rewritten=seen.rewritten)
        if brought.lost:
            raise SandboxGone("The sandbox was lost while the project was brought up to date.")
        if brought.problem:
            return problem("not_published", brought.problem)
        record = brought.record
        refused = await _laid_down(bench, f"{at}: bundle", record, title)
        if refused is not None:
            return refused
        ref = bench.sandbox.ref
        seen = await publishing.examine(bench.ctx, f"{at}: examine", ref, record, words, say)
        if not seen.rewritten:
            break
    if seen.problem:
        return problem("not_published", seen.problem)
    if not seen.file_bytes:
        return record, seen, ""
    attached = await attaching.attach(bench.ctx, place, bench.thread, ref, record, seen, words)
    if not attached:
        return problem("not_published", NO_FILE)
    return record, seen, attached


async def _kept_up(
    bench: Bench, place: str, record: Record, title: str, *, rewritten: bool
) -> Brought:
    """The project as the host has moved on."""
    assert record.repository is not None
    request = BringRequest(
        task=f"{bench.run_id}/{place}",
        number=1,
        thread=bench.thread,
        named=record.repository,
        title=title,
        sandbox=bench.sandbox.ref,
        fence=bench.fence,
        message=inside.message(title, "", bench.asker.requester),
        publishing=True,
        rewritten=rewritten,
    )
    return await bench.ctx.service_call(bring, request)


def _saying(bench: Bench) -> publishing.Say:
    """GitHub may ask for an hour: that is shown at once."""

    def say(text: str) -> None:
        bench.say(text)
        bench.still_running()

    return say


async def _laid_down(bench: Bench, place: str, record: Record, title: str) -> ToolResult | None:
    """Commit what is left and have the bundle lie in the sandbox; None when it does."""
    message = inside.message(title, "", bench.asker.requester)
    script = inside.publish(record.base_commit, message)
    command = Command(command=script, timeout_seconds=SECONDS)
    done = await bench.sandbox.run(place, f"{bench.run_id}/{place}", command)
    if "unmerged" in done.output:
        return problem("not_published", "A merge in the project is not finished: finish it first.")
    if done.exit_code != 0:
        return problem(
            "not_published",
            "The project's history does not go on from the repository's, or git refused it.",
            inside.one_line(done.output[-300:], 300),
        )
    if "parts " not in done.output:
        return problem("nothing_to_publish", NOTHING)
    return None


def _action(record: Record, seen: Examined) -> str:
    """In words."""
    assert record.repository is not None
    commits = "1 commit" if seen.count == 1 else f"{seen.count} commits"
    pull = "update its pull request" if record.pull_request else "open a pull request"
    return (
        f"push {commits} to {record.repository.full_name}, branch {record.branch}, "
        f"and {pull} into {record.base}"
    )


def _not_approved(outcome: p.ApprovalOutcome) -> ToolResult:
    if outcome.verdict == "denied":
        who = (outcome.by.name or outcome.by.user_id) if outcome.by else "Somebody"
        return problem("denied", f"{who} denied it.", "Leave it unpublished, and say so.")
    return problem("not_approved", f"The approval {outcome.verdict} without an answer.")


PULL_REQUEST = Tool(
    "open_pull_request",
    "Publish the project's commits as a pull request of its repository, once people approved it; "
    "called again, it brings that pull request up to date.",
    PullRequestArguments,
    open_pull_request,
)
