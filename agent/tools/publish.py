"""Owns `open_pull_request`: the project goes to its repository, after people agreed.

The model says it is ready and what it is; which branch, which commit and how is ours alone.
"""

from typing import Annotated

from pydantic import Field

from agent import protocol as p
from agent.repositories import inside, publishing
from agent.repositories import record as records
from agent.repositories.publishing import Examined
from agent.repositories.record import Published, Record
from agent.tools.asking import ask
from agent.tools.contract import Arguments, Bench, Tool, ToolResult, problem
from sandbox.protocol import Command

SECONDS = 300
NO_REPOSITORY = "This project did not begin from a repository, so there is nowhere to publish it."
NOTHING = "There is nothing to publish: the project is as it was in the repository."


class PullRequestArguments(Arguments):
    title: Annotated[str, Field(description="One line, as the repository's people write them.")]
    body: Annotated[str, Field(description="What changed, why, and how it was checked; Markdown.")]


async def open_pull_request(
    bench: Bench, args: PullRequestArguments, place: str, call_id: str
) -> ToolResult:
    """Safe to run again: the same branch is pushed, and its one pull request kept up to date."""
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
    refused = await _laid_down(bench, f"{place}: bundle", record, title)
    if refused is not None:
        return refused
    seen = await publishing.examine(bench.ctx, f"{place}: examine", bench.sandbox.ref, record)
    if seen.problem:
        return problem("not_published", seen.problem)
    action = _action(record, seen)
    detail, attached = _detail(title, body, seen), ""
    if len(detail) > publishing.CARD_CHARACTERS:
        file = f"{record.repository.name}-{seen.commit[:7]}.diff"
        attached = await publishing.attach(bench.ctx, place, bench.thread, file, detail)
    bench.asked = f"approval to {action}"
    bench.say(f"waiting for approval to {action}", waiting=True)
    outcome = await ask(
        bench,
        place,
        call_id,
        f"{name} gets the pull request “{title}”. {seen.warning}".strip(),
        kind="publish",
        command=action,
        detail=detail,
        attached=attached,
    )
    if outcome.verdict != "approved":
        return _not_approved(outcome)
    bench.say(f"pushing to {name}")
    if (refused := await _laid_down(bench, f"{place}: bundle again", record, title)) is not None:
        return refused
    pushed = await publishing.push(bench.ctx, f"{place}: push", bench.sandbox.ref, record, seen)
    if pushed.problem:
        return problem("not_published", pushed.problem)
    await bench.ctx.object_call(records.published, key, Published(pushed=pushed.commit))
    opened = await publishing.open_pull(bench.ctx, f"{place}: pull request", record, title, body)
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
    """In words, and down to the commit and the difference: that is what is approved."""
    assert record.repository is not None
    commits = "1 commit" if seen.count == 1 else f"{seen.count} commits"
    pull = "update its pull request" if record.pull_request else "open a pull request"
    return (
        f"push {commits} to {record.repository.full_name}, branch {record.branch}, "
        f"and {pull} into {record.base}"
    )


def _detail(title: str, body: str, seen: Examined) -> str:
    """Our words first: what the model wrote stands behind them, in quotes, and cannot pass for
    them."""
    about = f"Commit {seen.commit}, difference {seen.fingerprint[:12]}"
    words = "\n".join(f"> {line}" for line in f"{title}\n\n{body}".splitlines())
    return f"{about}\n\n{words}\n\n{seen.shown}"


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
