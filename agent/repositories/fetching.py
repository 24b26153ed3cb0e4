"""Owns bringing a repository into a session's sandbox: fetched by us, handed in as a bundle.

A handler of its own, so that a message interrupts a long fetch as it interrupts a step. What cannot
be had is one sentence; the project is then as it was.
"""

import hashlib
from datetime import timedelta

import restate
from restate import Context, Service

from agent import protocol as p
from agent.repositories import inside, moving, record, upstream
from agent.repositories.git import GitProblem, Unavailable, workshop
from agent.repositories.naming import Named
from agent.repositories.record import Changed, Record
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
UNFINISHED = "Unfinished work\n"
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
    sandbox: SandboxRef
    fence: int
    message: str = ""
    """Of the commit of what is left uncommitted, should the project have to move."""
    publishing: bool = False
    """How the pull request stands must be known."""
    rewritten: bool = False
    """The branch that the work began from was, at the host."""


class Brought(p.Wire):
    record: Record = Record()
    problem: str = ""
    """One sentence when it is not in the project."""
    lost: bool = False
    """The sandbox went meanwhile: the same may work in the next one."""
    note: str = ""
    """What the thread was told: the project goes on from somewhere else."""


class _Fetched(p.Wire):
    base: str = ""
    commit: str = ""
    resumed: bool = False
    """Our branch is at the host already: the work goes on from there."""
    round: int = 1
    """Of our branch, when it is the first."""
    problem: str = ""
    again: bool = False


@repositories.handler()
async def bring(ctx: Context, request: BringRequest) -> Brought:
    """Have the repository in the project; one that is there already is left as it is, unless the
    host has moved on: its pull request ended, or others pushed to it."""
    box = SandboxClient(ctx, request.sandbox, request.fence, clean=redact)
    try:
        return await _bring(ctx, box, request)
    except (SandboxGone, Unreachable):
        return Brought(lost=True)
    except SandboxError as error:
        return Brought(problem=f"{request.named.full_name} could not be taken in: {error}")


async def _bring(ctx: Context, box: SandboxClient, request: BringRequest) -> Brought:
    named, key = request.named, request.thread.key
    before = known = await ctx.object_call(record.read, key, p.Nothing())
    await box.claim("claim for the repository")  # what earlier work brings is too late
    job = f"{request.task}/repository {request.number}"
    looked = await box.run("look at the project", f"{job}/look", _command(inside.LOOK))
    state, _, move = looked.output.strip().partition("\nmove ")
    there = state in [f"done {name}" for name in known.names]
    problem = "" if there else _obstacle(looked, state, named)
    if problem:
        return Brought(lost=looked.lost, problem=problem)
    known, problem = await moving.keep_up(
        ctx,
        known,
        request.thread,
        publishing_now=request.publishing,
        rewritten=request.rewritten,
    )
    if problem:
        return Brought(record=known, problem=problem)
    if there and (known.move is None or move == str(known.moves)):
        return Brought(record=known)
    named = known.repository or named
    stem = branch_of(request.thread, request.title)
    branch = known.branch or stem
    bundle = f"{inside.HOME}/{_short(job)}.bundle"
    fetched = await _fetch(ctx, request, known, branch, bundle)
    if fetched.problem:
        return Brought(record=known, problem=fetched.problem)
    if there:
        return await _move(ctx, box, request, known, fetched, bundle)
    branch = known.branch or record.name(stem, fetched.round)
    script = inside.place(
        inside.Place(
            full_name=named.full_name,
            url=upstream.url_of(named),
            branch=branch,
            start=branch if fetched.resumed else fetched.base,
            base=fetched.base,
            bundle=bundle,
            move=known.moves,
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
    if known.repository is not None:
        commit = known.base_commit if fetched.resumed else fetched.commit
        now = known.model_copy(update={"base_commit": commit})
        now = await ctx.object_call(record.change, key, Changed(before=known, now=now))
        moved = known.moves > before.moves
        return Brought(
            record=now, note=moving.tell(ctx, request.thread, known, 0, 0) if moved else ""
        )
    first = Record(
        repository=named,
        base=fetched.base,
        base_commit=fetched.commit,
        branch=branch,
        round=fetched.round,
    )
    return Brought(record=await ctx.object_call(record.settle, key, first))


async def _move(
    ctx: Context,
    box: SandboxClient,
    request: BringRequest,
    known: Record,
    fetched: _Fetched,
    bundle: str,
) -> Brought:
    assert known.move is not None
    if known.move.why == "pushed" and not fetched.resumed:
        return Brought(record=known)  # deleted meanwhile, which ends the pull request
    job = f"{request.task}/repository {request.number}/move {known.move.number}"
    script = moving.script(known, bundle, request.message or UNFINISHED)
    done = await box.run("move the project", job, _command(script))
    if done.lost:
        return Brought(lost=True)
    if done.exit_code != 0 or "unmerged" in done.output:
        log.warning("a project was not moved: %s", done.output[-500:])
        why = "a merge in it is not finished" if "unmerged" in done.output else "git refused it"
        return Brought(
            record=known,
            problem=f"The project is not up to date with {request.named.full_name}: {why}.",
        )
    now, note = await moving.moved(ctx, request.thread, known, fetched.commit, done)
    return Brought(record=now, note=note)


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


async def _fetch(
    ctx: Context, request: BringRequest, known: Record, branch: str, path: str
) -> _Fetched:
    """Some tries: the host, or the way to it, may be in trouble for a moment."""
    fetched = _Fetched(problem="It was not tried.")
    for attempt in range(1, TRIES + 1):
        if attempt > 1:
            await ctx.sleep(WAIT * attempt, name=f"before try {attempt}")
        try:
            fetched = await effect(
                ctx,
                f"fetch {request.named.full_name}: try {attempt}",
                lambda: _bundle_into(request, known, branch, path),
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


async def _bundle_into(request: BringRequest, known: Record, branch: str, path: str) -> _Fetched:
    """May run twice: it replaces what it wrote before."""
    named = known.repository or request.named
    if known.base:
        named = named.model_copy(update={"branch": known.base})
    try:
        async with workshop() as git:
            heads = await upstream.look(git, named, branch)
            commit = await upstream.fetch(git, named, heads.base, upstream.BASE)
            refs = [upstream.BASE]
            resumed = bool(heads.ours and known.pushed)
            if resumed:
                await upstream.fetch(git, named, branch, "refs/heads/ours")
                refs.append("refs/heads/ours")
            made = await upstream.bundle(git, refs)
            pieces = upstream.pieces(made)
            await current_backend().write_stream(request.sandbox, path, pieces, request.fence)
            # Nobody's branch is taken for ours, whatever it is called.
            free = record.free(branch, heads.taken, 1) if not known.branch else known.round
            return _Fetched(base=heads.base, commit=commit, resumed=resumed, round=free)
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
