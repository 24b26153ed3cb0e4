"""Owns how a project goes on when the host has moved on: its pull request ended, somebody else
pushed to our branch, the branch it began from was rewritten, the repository was renamed.

Where the project is to go on from is decided once and kept in the session's record; the sandbox is
brought there afterwards, and again if an earlier snapshot brings back a project from before. Only
what the project alone holds is carried over, so nothing is proposed a second time, however it was
merged: a squash has the content, though not the commits.
"""

import re
from collections.abc import Iterable

import restate
from restate import Context

from agent import events
from agent import protocol as p
from agent.repositories import github, inside, publishing, upstream
from agent.repositories import record as records
from agent.repositories.git import workshop
from agent.repositories.naming import is_name
from agent.repositories.publishing import Answer
from agent.repositories.record import Changed, Move, Record
from sandbox.client import CommandResult

log = restate.getLogger(__name__)  # type: ignore[no-untyped-call]  # silent on replay

_MOVED = re.compile(r"^moved ([0-9a-f]{40}) ([0-9]{1,9}) ([0-9]{1,9})$", re.MULTILINE)
"""Code in the sandbox may have written it."""


class _News(Answer):
    now: Record | None = None
    """None: nothing has moved."""


async def keep_up(
    ctx: Context, known: Record, thread: p.ThreadRef, *, publishing_now: bool, rewritten: bool
) -> tuple[Record, str]:
    """Where the project is to be now, and one sentence when that cannot be told.

    Args:
        publishing_now: it must be known; else a host that does not answer is asked another time.
        rewritten: the branch that the project began from was.
    """
    if not known.pull_request and not publishing_now:
        return known, ""

    async def look() -> _News:
        async with github.connected(publishing.named_of(known)) as host:
            standing = await host.standing(known.number) if known.number else None
            now = _renamed(known, standing.repository if standing else await host.name())
        if rewritten:
            now = await _rewritten(now)
        elif standing is not None:
            now = await _standing(now, standing)
        return _News(now=None if now == known else now)

    tries = publishing.TRIES if publishing_now else 1
    place = "look how the pull request stands"
    news = await publishing.patiently(ctx, place, look, _News, tries)
    if news.problem:
        log.warning("how a pull request stands is not known: %s", news.problem)
        return known, news.problem if publishing_now else ""
    if news.now is None:
        return known, ""
    changed = Changed(before=known, now=news.now)
    now = await ctx.object_call(records.change, thread.key, changed)
    if now.names[0] != known.names[0]:
        text = f"{known.names[0]} is called {now.names[0]} now, and published to as that."
        events.show(ctx, thread, f"note:repository {now.names[0]}", 1, p.NoteBody(text=text))
    return now, ""


def _renamed(known: Record, name: str) -> Record:
    """Its people did that, and the card names it as it is called now."""
    assert known.repository is not None
    before = known.repository.full_name
    owner, _, short = name.partition("/")
    if name.casefold() == before.casefold() or not is_name(owner, short):
        return known
    repository = known.repository.model_copy(update={"owner": owner, "name": short})
    return known.model_copy(
        update={"repository": repository, "formerly": [*known.formerly, before]}
    )


async def _standing(known: Record, standing: github.Standing) -> Record:
    if standing.state == "open":
        if not known.pushed or standing.head in (known.pushed, known.theirs):
            return known
        move = Move(number=known.moves + 1, why="pushed", after=[known.pushed])
        return known.model_copy(update={"move": move, "theirs": standing.head})
    assert known.repository is not None
    async with workshop() as git:
        heads = await upstream.look(git, known.repository, known.stem)
    number = records.free(known.stem, heads.taken, known.round + 1)
    after = [standing.head, known.pushed] if standing.state == "merged" else [known.base_commit]
    move = Move(number=known.moves + 1, why=standing.state, after=after, pull_request=known.number)
    return Record(
        repository=known.repository,
        base=heads.base,
        base_commit=heads.commit,
        branch=records.name(known.stem, number),
        round=number,
        move=move,
        formerly=known.formerly,
    )


async def _rewritten(known: Record) -> Record:
    named = publishing.named_of(known)
    async with workshop() as git:
        heads = await upstream.look(git, named)
    move = Move(number=known.moves + 1, why="rewritten", after=[known.base_commit])
    return known.model_copy(update={"move": move, "base_commit": heads.commit})


def script(known: Record, bundle: str, message: str) -> str:
    """Puts the project where its record says that it goes on from."""
    assert known.move is not None
    return inside.move(
        inside.Place(
            full_name=known.names[0],
            url="",
            branch=known.branch,
            start=known.branch if known.move.why == "pushed" else known.base,
            base=known.base,
            bundle=bundle,
            move=known.move.number,
        ),
        _commits(known.move.after),
        message,
    )


def _commits(given: Iterable[str]) -> list[str]:
    return [commit for commit in given if upstream.COMMIT.fullmatch(commit)]


async def moved(
    ctx: Context, thread: p.ThreadRef, known: Record, fetched: str, done: CommandResult
) -> tuple[Record, str]:
    """What holds after `script`, and the sentence that the thread is told; once for each move.

    Args:
        fetched: commit of the base, as the host gave it; the sandbox's word for one is not taken.
    """
    assert known.move is not None
    told = _MOVED.search(done.output)
    if told is None:
        return known, ""
    move, now = known.move, known
    if move.why != "pushed" and told[1] == fetched != known.base_commit:
        now = known.model_copy(update={"base_commit": fetched})
        now = await ctx.object_call(records.change, thread.key, Changed(before=known, now=now))
    return now, tell(ctx, thread, known, int(told[2]), int(told[3]))


def tell(ctx: Context, thread: p.ThreadRef, known: Record, carried: int, kept: int) -> str:
    """Put the sentence for a move into the thread, once for each."""
    note = _note(known, carried, kept)
    events.show(ctx, thread, f"note:repository move {known.moves}", 1, p.NoteBody(text=note))
    return note


def _note(known: Record, carried: int, kept: int) -> str:
    move, base = known.move, known.base
    assert move is not None
    new = f"from `{base}` as it is now, on the branch `{known.branch}`"
    again = f"The work goes on {new}; publishing it opens another one."
    said = {
        "merged": f"Pull request #{move.pull_request} was merged. {again}",
        "closed": f"Pull request #{move.pull_request} was closed without a merge. {again}",
        "pushed": f"Somebody else pushed to `{known.branch}`: the project has that now.",
        "rewritten": f"`{base}` was rewritten at the host: the project goes on {new}.",
    }[move.why]
    if carried:
        said += f" {_commits_in_words(carried)} of this thread {_is(carried)} carried over."
    if kept:
        said += (
            f" {_commits_in_words(kept)} {_is(kept)} not carried over, because what they change "
            f"was changed there too; the project keeps them as `{inside.kept(move.number)}`."
        )
    return said


def _commits_in_words(count: int) -> str:
    return "1 commit" if count == 1 else f"{count} commits"


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
