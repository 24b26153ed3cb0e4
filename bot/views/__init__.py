"""Pure functions from what the agent says to what Slack shows: a body becomes blocks and a text.

Nothing here calls anything. `render` is the one way from a durable slot to a message.
"""

from typing import assert_never

from agent import protocol as p
from bot.views import approval, mrkdwn, note, plan, result
from bot.views.blocks import Rendered

MessageBody = p.PlanBody | p.ApprovalBody | p.ResultBody | p.NoteBody
"""The bodies that are messages; the others are a part or a side of one."""


def render(body: MessageBody, thread_key: str, activity: str = "", plain: bool = False) -> Rendered:
    """The message for `body`. `plain` keeps to blocks that every workspace takes."""
    match body:
        case p.PlanBody():
            return plan.render(body, activity, thread_key, plain)
        case p.ApprovalBody():
            return approval.render(body, plain)
        case p.ResultBody():
            return result.render(body, thread_key, plain)
        case p.NoteBody():
            return note.render(body)
        case _:
            assert_never(body)


__all__ = ["MessageBody", "Rendered", "mrkdwn", "render"]
