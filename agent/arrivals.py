"""Owns what becomes of a message that reaches its session: an entry of its history, or nothing.

Part of the session's handlers: the state is changed here and kept by them.
"""

from restate import ObjectContext

from agent import events, history
from agent import protocol as p
from agent.session_state import SessionState


def take_in(
    ctx: ObjectContext, state: SessionState, message: p.UserMessage | p.ThreadMessage
) -> bool:
    """Append it, with a change that came before it. False when it was deleted before it came."""
    early = state.early_edits.get(message.ts)
    if early is not None and not early.text:
        return False
    history.append(state.entries, message, quiet=state.is_late(message.ts))
    events.show(ctx, state.thread, f"reaction:{message.ts}:eyes", 1, p.ReactionBody(ts=message.ts))
    if early is not None and early.text != message.text:
        history.append_edit(state.entries, early)
    return True


def sort_out_context(ctx: ObjectContext, state: SessionState) -> None:
    """Of what stands in the thread, replies to the first message for us are instructions; the rest
    is context. The first one may have come after a later one: then they are sorted out anew."""
    for missed in history.missed(state.entries, state.context, state.began):
        take_in(ctx, state, missed)
    history.append_unseen_edits(state.entries, state.context)
    state.context = [m for m in state.context if m.ts < state.began]
