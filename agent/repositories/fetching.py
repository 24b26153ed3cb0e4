"""Owns bringing a repository into a session's sandbox: fetched by us, handed in as a bundle.

A handler of its own, so that a message interrupts a long fetch as it interrupts a step. What cannot
be had is one sentence; the project is then as it was.
"""

import hashlib
from datetime import timedelta

import restate
from restate import Context, Service

from agent import protocol as p
from agent.repositories import inside, record, upstream
from agent.repositories.git import GitProblem, Unavailable, workshop
from agent.repositories.naming import Named
from agent.repositories.record import Record
from agent.retries import LONG_STEP, PROMPT
from agent.secrets import redact
from sandbox import paths
from sandbox.backend import current_backend
from sandbox.client import CommandResult, SandboxClient
from sandbox.errors import SandboxError, SandboxGone, Unreachable
from sandbox.journal import effect
from sandbox.protocol import Command, SandboxRef

repositories = Service(
    "Repositories",
    invocation_retry_policy=PROMPT,
    inactivity_timeout=LONG_STEP,
    abort_timeout=LONG_STEP,
)

TRIES = 3
WAIT = timedelta(seconds=2)
UNPACK_SECONDS = 300
NO_GIT = "There is no git in the sandbox, so repositories cannot be taken here."

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay


class BringRequest(p.Wire):
    task: str
    number: int
    """Counts within the task: names this try's jobs."""
    thread: p.ThreadRef
    named: Named
    title: str
    """What our branch is called after."""
    known: Record
    sandbox: SandboxRef
    fence: int


class Brought(p.Wire):
    record: Record = Record()
    problem: str = ""
    """One sentence when it is not in the project."""
    lost: bool = False
    """The sandbox went meanwhile: the same may work in the next one."""


class _Fetched(p.Wire):
    base: str = ""
    commit: str = ""
    resumed: bool = False
    """Our branch is at the host already: the work goes on from there."""
    problem: str = ""
    again: bool = False


@repositories.handler()
async def bring(ctx: Context, request: BringRequest) -> Brought:
    """Have the repository in the project; one that is there already is left as it is."""
    box = SandboxClient(ctx, request.sandbox, request.fence, clean=redact)
    try:
        return await _bring(ctx, box, request)
    except (SandboxGone, Unreachable):
        return Brought(lost=True)
    except SandboxError as error:
        return Brought(problem=f"{request.named.full_name} could not be taken in: {error}")


async def _bring(ctx: Context, box: SandboxClient, request: BringRequest) -> Brought:
    named, known = request.named, request.known
    await box.claim("claim for the repository")  # what earlier work brings is too late
    job = f"{request.task}/repository {request.number}"
    looked = await box.run("look at the project", f"{job}/look", _command(inside.LOOK))
    state = looked.output.strip()
    if state == f"done {named.full_name}" and known.repository is not None:
        return Brought(record=known)
    problem = _obstacle(looked, state, named)
    if problem:
        return Brought(lost=looked.lost, problem=problem)
    branch = known.branch or branch_of(request.thread, request.title)
    bundle = f"{inside.HOME}/{_short(job)}.bundle"
    fetched = await _fetch(ctx, request, branch, bundle)
    if fetched.problem:
        return Brought(problem=fetched.problem)
    script = inside.place(
        inside.Place(
            full_name=named.full_name,
            url=upstream.url_of(named),
            branch=branch,
            start=branch if fetched.resumed else fetched.base,
            base=fetched.base,
            bundle=bundle,
        )
    )
    placed = await box.run("unpack the repository", f"{job}/place", _command(script))
    if placed.lost:
        return Brought(lost=True)
    if placed.exit_code != 0:
        log.warning("a repository was not unpacked: %s", placed.output[-500:])
        return Brought(
            problem=f"{named.full_name} could not be unpacked in the sandbox; the project is as "
            f"it was. {inside.one_line(placed.output[-200:], 200)}".strip()
        )
    settled = await ctx.object_call(
        record.settle,
        request.thread.key,
        Record(repository=named, base=fetched.base, base_commit=fetched.commit, branch=branch),
    )
    return Brought(record=settled)


def _obstacle(looked: CommandResult, state: str, named: Named) -> str:
    if looked.lost:
        return "The sandbox was restarted meanwhile."
    if state == "no git":
        return NO_GIT
    if state == "files" or state.startswith("done "):
        return (
            f"{named.full_name} was not taken in, because this thread's project has files already: "
            "name it in the first message of a new thread."
        )
    if looked.exit_code != 0:
        return f"{named.full_name} was not taken in: the project cannot be looked at."
    return ""


async def _fetch(ctx: Context, request: BringRequest, branch: str, path: str) -> _Fetched:
    """Some tries: the host, or the way to it, may be in trouble for a moment."""
    fetched = _Fetched(problem="It was not tried.")
    for attempt in range(1, TRIES + 1):
        if attempt > 1:
            await ctx.sleep(WAIT * attempt, name=f"before try {attempt}")
        try:
            fetched = await effect(
                ctx,
                f"fetch {request.named.full_name}: try {attempt}",
                lambda: _bundle_into(request, branch, path),
                _Fetched,
                attempts=1,
            )
        except Unreachable as error:
            if attempt == TRIES:
                raise
            log.warning("a repository was not handed in: %s", error)
            continue
        if not fetched.again:
            return fetched
    return fetched


async def _bundle_into(request: BringRequest, branch: str, path: str) -> _Fetched:
    """May run twice: it replaces what it wrote before."""
    named, known = request.named, request.known
    ours = branch if known.pushed else ""
    if known.base:
        named = named.model_copy(update={"branch": known.base})
    try:
        async with workshop() as git:
            heads = await upstream.look(git, named, ours)
            commit = await upstream.fetch(git, named, heads.base, upstream.BASE)
            refs = [upstream.BASE]
            if heads.ours:
                await upstream.fetch(git, named, branch, "refs/heads/ours")
                refs.append("refs/heads/ours")
            made = await upstream.bundle(git, refs)
            pieces = upstream.pieces(made)
            await current_backend().write_stream(request.sandbox, path, pieces, request.fence)
            return _Fetched(base=heads.base, commit=commit, resumed=bool(heads.ours))
    except GitProblem as error:
        return _Fetched(problem=f"{named.full_name} was not taken in. {error}")
    except Unavailable as error:
        return _Fetched(problem=str(error), again=True)


def _command(script: str) -> Command:
    return Command(command=script, timeout_seconds=UNPACK_SECONDS)


def branch_of(thread: p.ThreadRef, title: str) -> str:
    """Ours, the same whenever it is asked; no two threads share one."""
    return f"threadwright/{paths.slug(title, 30)}-{_short(thread.key)[:6]}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
