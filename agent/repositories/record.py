"""Owns what a session knows of its repository: which one, our branch, and what we published of it.

Of the first one that was taken in; a session has one. Handlers take milliseconds.
"""

import itertools
from collections.abc import Collection
from typing import Literal

from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent.repositories.naming import Named
from agent.retries import PROMPT

repository_record = VirtualObject("Repository", invocation_retry_policy=PROMPT)

STATE = "record"


class Move(p.Wire):
    """The project is to go on from another commit of the host."""

    number: int
    """Grows; the project notes which one it made last."""
    why: Literal["merged", "closed", "pushed", "rewritten"]
    after: list[str] = []
    """Commits; what the project holds after the first of them that it goes on from is its own, and
    is carried over."""
    pull_request: int = 0
    """The one that ended."""


class Record(p.Wire):
    repository: Named | None = None
    """None: the session has none."""
    base: str = ""
    """Branch the work began from, and pull requests go into."""
    base_commit: str = ""
    branch: str = ""
    """Ours."""
    pushed: str = ""
    """Commit that we pushed last."""
    pull_request: str = ""
    """Its address."""
    round: int = 1
    """Of our branch: each pull request that ended is followed by another branch."""
    theirs: str = ""
    """Commit of somebody else on our branch that the project has taken in."""
    move: Move | None = None
    """The last one."""
    formerly: list[str] = []
    """Names that the repository had in this session's time."""

    @property
    def names(self) -> list[str]:
        return [] if self.repository is None else [self.repository.full_name, *self.formerly]

    @property
    def number(self) -> int:
        """Of our pull request, 0 without one."""
        number = self.pull_request.rpartition("/")[2]
        return int(number) if number.isdigit() else 0

    @property
    def stem(self) -> str:
        """What the names of all our branches begin with."""
        return self.branch if self.round == 1 else self.branch.removesuffix(f"-{self.round}")

    @property
    def moves(self) -> int:
        return 0 if self.move is None else self.move.number


def name(stem: str, round_: int) -> str:
    """Of our branch in that round."""
    return stem if round_ == 1 else f"{stem}-{round_}"


def free(stem: str, taken: Collection[str], first: int) -> int:
    """The first round from this one on whose branch nobody has."""
    return next(n for n in itertools.count(first) if name(stem, n) not in taken)


class Changed(p.Wire):
    before: Record
    now: Record


class Published(p.Wire):
    pushed: str = ""
    pull_request: str = ""


@repository_record.handler(kind="shared")
async def read(ctx: ObjectSharedContext, _: p.Nothing) -> Record:
    return await ctx.get(STATE, type_hint=Record) or Record()


@repository_record.handler()
async def settle(ctx: ObjectContext, taken: Record) -> Record:
    """Keep the first; returns what holds."""
    known = await ctx.get(STATE, type_hint=Record)
    if known is not None:
        return known
    ctx.set(STATE, taken)
    return taken


@repository_record.handler()
async def change(ctx: ObjectContext, news: Changed) -> Record:
    """Keep what follows from what was known; returns what holds."""
    known = await ctx.get(STATE, type_hint=Record) or Record()
    if known != news.before:
        return known
    ctx.set(STATE, news.now)
    return news.now


@repository_record.handler()
async def published(ctx: ObjectContext, news: Published) -> Record:
    known = await ctx.get(STATE, type_hint=Record) or Record()
    told = {name: value for name, value in news.model_dump().items() if value}
    record = known.model_copy(update=told)
    ctx.set(STATE, record)
    return record
