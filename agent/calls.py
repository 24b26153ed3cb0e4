"""Owns calls between durable services by name, where the caller must not import the code behind it.

Within the agent, parents call children by typed handler; children tell parents, and everyone tells
the bot, through here. All of it is journaled; a send is delivered exactly once.
"""

from typing import TypeVar

from pydantic import BaseModel
from restate import Context, ObjectContext, ObjectSharedContext

from agent.protocol import Handler

I = TypeVar("I", bound=BaseModel)  # noqa: E741
O = TypeVar("O", bound=BaseModel)  # noqa: E741

AnyContext = Context | ObjectContext | ObjectSharedContext


def send(
    ctx: AnyContext,
    handler: Handler[I, O],
    key: str | None,
    value: I,
    *,
    key_of_effect: str | None = None,
) -> None:
    """One way, durable, in order per sender and key; once per `key_of_effect`."""
    body = value.model_dump_json().encode()
    ctx.generic_send(handler.service, handler.name, body, key=key, idempotency_key=key_of_effect)


async def call(ctx: AnyContext, handler: Handler[I, O], key: str | None, value: I) -> O:
    """Ask and wait. Raises TerminalError of the callee, or when we are cancelled."""
    answer = await ctx.generic_call(
        handler.service, handler.name, value.model_dump_json().encode(), key=key
    )
    return handler.output.model_validate_json(answer)
