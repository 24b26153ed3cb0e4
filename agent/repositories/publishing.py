"""Owns publishing: out of the sandbox, examined, shown, and after an approval pushed by us.

What people approve is one commit and one difference, by their ids; both are found again from the
bundle before the push, and nothing else is pushed. A long difference goes from the bundle into a
file of the thread, and is in no journal. Every effect may run twice: a branch that is there already
is a push that happened, an open pull request is the one that was asked for.
"""

import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from restate import Context

from agent import protocol as p
from agent import secrets
from agent.repositories import github, inside, showing, upstream
from agent.repositories.git import Git, GitProblem, Unavailable, workshop
from agent.repositories.naming import Named
from agent.repositories.record import Record
from sandbox.backend import current_backend
from sandbox.errors import FileProblem
from sandbox.journal import effect
from sandbox.protocol import SandboxRef

MOST_PARTS = 1024
TRIES = 8
PAUSE_SECONDS = 2.0
"""After the first failure; doubled with each further one."""
TITLE_CHARACTERS = 200
BODY_CHARACTERS = 20_000
PREFIX = "threadwright/"

Say = Callable[[str], None]
"""Shows what is going on."""
O = TypeVar("O", bound="Answer")  # noqa: E741


class Answer(p.Wire):
    problem: str = ""
    """One sentence when it cannot be done."""
    wait_seconds: float = 0.0
    """Positive when it may work after that long."""


class Examined(Answer):
    commit: str = ""
    count: int = 0
    fingerprint: str = ""
    """Of the whole difference."""
    shown: str = ""
    """For the card: our words, the statistics and the difference, or their beginning."""
    file_bytes: int = 0
    """Size of the whole as a file; 0 when all of it is in `shown`."""
    rewritten: bool = False
    """The branch that the work began from no longer holds what it began from."""
    warning: str = ""
    """What people must know that a difference does not say; for the top of the card."""


class Pushed(Answer):
    commit: str = ""


class Opened(Answer):
    number: int = 0
    url: str = ""


async def check(ctx: Context, place: str, record: Record, say: Say) -> Answer:
    """That the repository takes changes of ours at all."""

    async def ask() -> Answer:
        async with github.connected(named_of(record)) as host:
            await host.check()
        return Answer()

    return await patiently(ctx, place, ask, Answer, say=say)


async def examine(
    ctx: Context, place: str, ref: SandboxRef, record: Record, words: str, say: Say
) -> Examined:
    """What would be published, from the bundle that lies in the sandbox.

    Args:
        words: title and text of the pull request.
    """

    async def look() -> Examined:
        try:
            async with workshop() as git:
                change, secret = await taken(git, ref, record)
        except upstream.Rewritten as error:
            return Examined(problem=str(error), rewritten=True)
        if secret:
            return Examined(
                problem="The commits hold a secret of this deployment: it must be taken out of the "
                "history before anything is published."
            )
        whole = showing.document(change, words)
        fits = len(whole) <= showing.CARD_CHARACTERS
        return Examined(
            commit=change.commit,
            count=change.count,
            fingerprint=change.fingerprint,
            shown=whole if fits else showing.beginning(change, words),
            file_bytes=0 if fits else len(whole.encode()),
            warning=showing.warning(change),
        )

    return await patiently(ctx, place, look, Examined, say=say)


async def push(
    ctx: Context, place: str, ref: SandboxRef, record: Record, approved: Examined, say: Say
) -> Pushed:
    """Push the approved commit, and no other."""
    named = named_of(record)

    async def send() -> Pushed:
        if not record.branch.startswith(PREFIX) or record.branch == record.base:
            raise GitProblem(f"{record.branch} is not a branch of ours.")
        async with github.connected(named) as host, workshop() as git:
            if await host.is_default(record.branch):
                raise GitProblem(f"{record.branch} is the default branch of {named.full_name}.")
            if record.number:
                await host.must_be_open(record.number)
            change, secret = await taken(git, ref, record)
            if secret or (change.commit, change.fingerprint) != (
                approved.commit,
                approved.fingerprint,
            ):
                raise GitProblem("What was approved has changed meanwhile: publish it anew.")
            there = (await upstream.look(git, named, record.branch)).ours
            if there == change.commit:
                return Pushed(commit=change.commit)
            if not await upstream.is_ours(git, named, record.branch, there, record.pushed):
                raise GitProblem(
                    f"Somebody else has pushed to {record.branch} of {named.full_name}, and that "
                    "is not overwritten: publish again, and it is taken in first."
                    if record.number
                    else f"Somebody else has the branch {record.branch} of {named.full_name}, and "
                    "it is not overwritten: it must be renamed or deleted there first."
                )
            await upstream.push(git, named, record.branch, change.commit, there)
        return Pushed(commit=change.commit)

    return await patiently(ctx, place, send, Pushed, say=say)


async def open_pull(
    ctx: Context, place: str, record: Record, title: str, body: str, say: Say
) -> Opened:
    async def ask() -> Opened:
        async with github.connected(named_of(record)) as host:
            if record.number:
                await host.must_be_open(record.number)
            pull = await host.open_pull(record.branch, record.base, title, body)
        return Opened(number=pull.number, url=pull.url)

    return await patiently(ctx, place, ask, Opened, say=say)


def named_of(record: Record) -> Named:
    """With the branch that it began from."""
    assert record.repository is not None
    return record.repository.model_copy(update={"branch": record.base})


async def taken(git: Git, ref: SandboxRef, record: Record) -> tuple[upstream.Change, bool]:
    """The change in the sandbox's bundle, and whether a secret of ours is in it."""
    with tempfile.NamedTemporaryFile(dir=git.folder, suffix=".bundle", delete=False) as file:
        path = Path(file.name)
        await _collect(ref, path, git.most_bytes)
    await upstream.fetch(git, named_of(record), record.base, upstream.BASE)
    await upstream.must_hold(git, record.base_commit, record.base)
    await upstream.take_in(git, path, inside.PUBLISHED)
    change = await upstream.compare(git, record.base_commit)
    return change, await upstream.holds(git, secrets.unpublishable())


async def _collect(ref: SandboxRef, path: Path, most_bytes: int) -> None:
    """The parts of the bundle, until one is missing or not full."""
    left = most_bytes
    with path.open("wb") as file:
        for number in range(MOST_PARTS):
            name = f"{inside.PARTS}/part-{number:04}"
            try:
                part = await current_backend().read_bytes(ref, name, inside.PART_BYTES)
            except FileProblem:
                if number == 0:
                    raise GitProblem("The sandbox does not hold what is to be published.") from None
                return
            left -= len(part)
            if left < 0:
                raise GitProblem(
                    f"The history is larger than the {most_bytes >> 20} MB that may be published."
                )
            file.write(part)
            if len(part) < inside.PART_BYTES:
                return
    raise GitProblem("The history comes in too many parts.")


async def patiently(
    ctx: Context,
    place: str,
    body: Callable[[], Awaitable[O]],
    kind: type[O],
    tries: int = TRIES,
    say: Say = lambda _: None,
) -> O:
    """Do it, and again after a durable wait while the other side asks for one; `say` is told."""

    async def told() -> O:
        try:
            return await body()
        except github.Busy as error:
            return kind(problem=str(error), wait_seconds=error.seconds)
        except Unavailable as error:
            return kind(problem=str(error), wait_seconds=PAUSE_SECONDS)
        except GitProblem as error:
            return kind(problem=str(error))

    for attempt in range(1, tries + 1):
        answer = await effect(ctx, f"{place}: try {attempt}", told, kind)
        if not answer.wait_seconds or attempt == tries:
            break
        seconds = max(answer.wait_seconds, PAUSE_SECONDS**attempt / 2)
        say(f"waiting {seconds:.0f} s: {answer.problem.removesuffix('.')}")
        await ctx.sleep(timedelta(seconds=seconds), name=f"{place}: wait {attempt}")
    return answer
