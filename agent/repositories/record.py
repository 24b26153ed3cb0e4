"""Owns what a session knows of its repository: which one, our branch, and what we published of it.

Of the first one that was taken in; a session has one. Handlers take milliseconds.
"""

from restate import ObjectContext, ObjectSharedContext, VirtualObject

from agent import protocol as p
from agent.repositories.naming import Named
from agent.retries import PROMPT

repository_record = VirtualObject("Repository", invocation_retry_policy=PROMPT)

STATE = "record"


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
async def published(ctx: ObjectContext, news: Published) -> Record:
    known = await ctx.get(STATE, type_hint=Record) or Record()
    told = {name: value for name, value in news.model_dump().items() if value}
    record = known.model_copy(update=told)
    ctx.set(STATE, record)
    return record
