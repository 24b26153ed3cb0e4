"""Owns what becomes of a message that reaches its session: an entry of its history, or nothing.

Part of the session's handlers: the state is changed here and kept by them.
"""

from restate import ObjectContext

from agent import archive, events
from agent import protocol as p
from agent.session_state import SessionState


def take_in(
    ctx: ObjectContext, state: SessionState, message: p.UserMessage | p.ThreadMessage
) -> bool:
    """Append it, with a change that came before it. False when it was deleted before it came."""
    early = state.early_edits.get(message.ts)
    if early is not None and not early.text:
        return False
    archive.remember(ctx, state.append(message, quiet=state.is_late(message.ts)))
    events.show(ctx, state.thread, f"reaction:{message.ts}:eyes", 1, p.ReactionBody(ts=message.ts))
    if early is not None and early.text != message.text:
        change(ctx, state, early)
    return True


def change(ctx: ObjectContext, state: SessionState, edit: p.MessageEdit) -> None:
    """Append what somebody made of a message that is known."""
    archive.remember(ctx, state.append_edit(edit.ts, edit.edit_ts, edit.author, edit.text))


async def sort_out_context(ctx: ObjectContext, state: SessionState) -> None:
    """Of what stands in the thread, replies to the first message for us are instructions, unless
    they were stopped; the rest is context. The first one may have come after a later one: then they
    are sorted out anew."""
    standing, left = await archive.context(ctx, state), []
    after = max(state.began, state.stopped_at)
    for message in standing:
        known = await archive.knows(ctx, message.ts, message.client_msg_id)
        if known or message.ts > after:
            await _reply(ctx, state, message, known=known)
        else:
            left.append(message)
    archive.keep_context(ctx, state, left)


async def _reply(
    ctx: ObjectContext, state: SessionState, message: p.ThreadMessage, *, known: bool
) -> None:
    """One that never reached us is taken in now; what reads otherwise than it came was changed
    before we could hear."""
    if not known:
        if message.for_us and not (message.ours or message.author.outsider):
            take_in(ctx, state, message)
        return
    version = await archive.find(ctx, message.ts)
    unheard = message.ts > state.stopped_at and version and version.reads_otherwise(message.text)
    if unheard:
        archive.remember(
            ctx, state.append_edit(message.ts, message.ts, message.author, message.text)
        )
