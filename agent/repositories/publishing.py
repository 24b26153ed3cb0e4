"""Owns publishing: out of the sandbox, examined, shown, and after an approval pushed by us.

What people approve is one commit and one difference, by their ids; both are found again from the
bundle before the push, and nothing else is pushed. Every effect may run twice: a branch that is
there already is a push that happened, an open pull request is the one that was asked for.
"""

import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import aiohttp
from restate import Context, RunOptions, TerminalError

from agent import calls, secrets
from agent import protocol as p
from agent.repositories import github, inside, upstream
from agent.repositories.git import Git, GitProblem, Unavailable, workshop
from agent.repositories.naming import Named
from agent.repositories.record import Record
from sandbox.backend import current_backend
from sandbox.durable import is_cancel
from sandbox.errors import FileProblem
from sandbox.journal import effect
from sandbox.protocol import SandboxRef

SHOWN_CHARACTERS = 400_000
"""What people approve is shown whole; more than this nobody reads, and a journal holds it."""
CARD_CHARACTERS = 6000
"""A longer text goes into a file beside the card."""
MOST_PARTS = 1024
MOST_NAMES = 8
"""Files that a warning names."""
UPLOADS = 3
TRIES = 8
PAUSE_SECONDS = 2.0
"""After the first failure; doubled with each further one."""
TITLE_CHARACTERS = 200
BODY_CHARACTERS = 20_000
PREFIX = "threadwright/"

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
    """Statistics and difference, as people read it."""
    warning: str = ""
    """What people must know that a difference does not say; for the top of the card."""


class Pushed(Answer):
    commit: str = ""


class Opened(Answer):
    number: int = 0
    url: str = ""


async def examine(ctx: Context, place: str, ref: SandboxRef, record: Record) -> Examined:
    """What would be published, from the bundle that lies in the sandbox."""

    async def look() -> Examined:
        async with workshop() as git:
            change, secret = await _taken(git, ref, record)
        if secret:
            return Examined(
                problem="The commits hold a secret of this deployment: it must be taken out of the "
                "history before anything is published."
            )
        return Examined(
            commit=change.commit,
            count=change.count,
            fingerprint=change.fingerprint,
            shown=_shown(change),
            warning=_warning(change),
        )

    async def checked() -> Examined:
        async with github.connected(_named(record)) as host:
            await host.check()
        return await look()

    return await _patiently(ctx, place, checked, Examined)


async def push(
    ctx: Context, place: str, ref: SandboxRef, record: Record, approved: Examined
) -> Pushed:
    """Push the approved commit, and no other."""
    named = _named(record)

    async def send() -> Pushed:
        if not record.branch.startswith(PREFIX) or record.branch == record.base:
            raise GitProblem(f"{record.branch} is not a branch of ours.")
        async with github.connected(named) as host, workshop() as git:
            if await host.is_default(record.branch):
                raise GitProblem(f"{record.branch} is the default branch of {named.full_name}.")
            change, secret = await _taken(git, ref, record)
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
                    f"Somebody else has pushed to {record.branch} of {named.full_name}; I do not "
                    "overwrite it."
                )
            await upstream.push(git, named, record.branch, change.commit, there)
        return Pushed(commit=change.commit)

    return await _patiently(ctx, place, send, Pushed)


async def open_pull(ctx: Context, place: str, record: Record, title: str, body: str) -> Opened:
    async def ask() -> Opened:
        async with github.connected(_named(record)) as host:
            pull = await host.open_pull(record.branch, record.base, title, body)
        return Opened(number=pull.number, url=pull.url)

    return await _patiently(ctx, place, ask, Opened)


async def attach(ctx: Context, place: str, thread: p.ThreadRef, name: str, text: str) -> str:
    """Put what no card can hold into the thread as a file; its name, or nothing when Slack does
    not take it."""
    data = text.encode()
    start = p.UploadStart(file_name=name, size_bytes=len(data), team=thread.team)
    for attempt in range(1, UPLOADS + 1):
        ticket = await calls.call(ctx, p.BEGIN_UPLOAD, None, start)
        if ticket.problem:
            return ""
        if not await _uploaded(ctx, f"{place}: upload {attempt}", ticket.upload_url, data):
            continue
        finish = p.UploadFinish(
            file_id=ticket.file_id,
            thread=thread,
            title=name,
            comment="here is what would be published, whole.",
        )
        receipt = await calls.call(ctx, p.FINISH_UPLOAD, None, finish)
        return name if receipt.ok else ""
    return ""


async def _uploaded(ctx: Context, place: str, url: str, data: bytes) -> bool:
    """One try, since the address is good for one."""

    async def send() -> p.Nothing:
        async with (
            aiohttp.ClientSession(timeout=github.TIMEOUT) as http,
            http.post(url, data=data) as response,
        ):
            response.raise_for_status()
        return p.Nothing()

    try:
        await ctx.run_typed(place, send, RunOptions(type_hint=p.Nothing, max_attempts=1))
    except TerminalError as error:
        if is_cancel(error):
            raise
        return False
    return True


def _named(record: Record) -> Named:
    assert record.repository is not None
    return record.repository.model_copy(update={"branch": record.base})


async def _taken(git: Git, ref: SandboxRef, record: Record) -> tuple[upstream.Change, bool]:
    """The change in the sandbox's bundle, and whether a secret of ours is in it."""
    with tempfile.NamedTemporaryFile(dir=git.folder, suffix=".bundle", delete=False) as file:
        path = Path(file.name)
        await _collect(ref, path, git.most_bytes)
    await upstream.fetch(git, _named(record), record.base, upstream.BASE)
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


def _shown(change: upstream.Change) -> str:
    """Raises GitProblem when it is too much to be read."""
    whole = f"{change.stat.strip()}\n\n{change.diff}"
    if len(whole) > SHOWN_CHARACTERS:
        raise GitProblem(
            f"The difference has {len(whole):,} characters, more than the {SHOWN_CHARACTERS:,} "
            "that can be shown for approval: publish less at once, without what is generated."
        )
    return whole


def _warning(change: upstream.Change) -> str:
    said = []
    if change.workflows:
        said.append(f"It changes what GitHub runs by itself: {_listed(change.workflows)}.")
    if change.passing:
        said.append(
            "Its commits also hold files that the difference does not show, because a later commit "
            f"takes them back: {_listed(change.passing)}."
        )
    return " ".join(said)


def _listed(names: tuple[str, ...]) -> str:
    shown = ["".join(c if c.isalnum() or c in "./_-+" else "?" for c in n) for n in names]
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(f"`{name[:100]}`" for name in shown[:MOST_NAMES]) + more


async def _patiently(
    ctx: Context, place: str, body: Callable[[], Awaitable[O]], kind: type[O]
) -> O:
    """Do it, and again after a durable wait while the other side asks for one."""

    async def told() -> O:
        try:
            return await body()
        except github.Busy as error:
            return kind(problem=str(error), wait_seconds=error.seconds)
        except Unavailable as error:
            return kind(problem=str(error), wait_seconds=PAUSE_SECONDS)
        except GitProblem as error:
            return kind(problem=str(error))

    for attempt in range(1, TRIES + 1):
        answer = await effect(ctx, f"{place}: try {attempt}", told, kind)
        if not answer.wait_seconds or attempt == TRIES:
            break
        seconds = max(answer.wait_seconds, PAUSE_SECONDS**attempt / 2)
        await ctx.sleep(timedelta(seconds=seconds), name=f"{place}: wait {attempt}")
    return answer
