"""Owns what the agent tells the thread: one-way events to the poster, named by slot and
revision."""

from agent import calls
from agent import protocol as p


def show(
    ctx: calls.AnyContext,
    thread: p.ThreadRef,
    slot: str,
    rev: int,
    body: p.Body,
    *,
    urgent: bool = False,
) -> None:
    """Put `body` into `slot`. A repeat or an older revision changes nothing."""
    event = p.ThreadEvent(thread=thread, slot=slot, rev=rev, urgent=urgent, body=body)
    calls.send(ctx, p.SHOW, thread.key, event)


def restarted(ctx: calls.AnyContext, thread: p.ThreadRef, generation: int, note: str) -> None:
    """Say that the sandbox was started anew, once, whoever noticed it first."""
    show(ctx, thread, f"note:sandbox {generation}", 1, p.NoteBody(text=note))


async def now(ctx: calls.AnyContext) -> float:
    """Unix seconds, journaled: the same on replay."""
    return await ctx.time()


def presence(
    ctx: calls.AnyContext,
    thread: p.ThreadRef,
    rev: int,
    state: p.PresenceState,
    *,
    text: str = "",
    title: str = "",
    initiator: str = "",
) -> None:
    """Set the session status beside the thread; only its session does."""
    body = p.PresenceBody(state=state, text=text, title=title, initiator=initiator)
    show(ctx, thread, "presence", rev, body, urgent=state != "processing")
