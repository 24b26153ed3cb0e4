"""Owns making the conversation of a step smaller before it outgrows the model's window.

First old outputs of tools go: what they held can be read again. If that is not enough, one call of
the model sums up what was done, and the newest turns stay as they are.
"""

from restate import TerminalError

from agent.calling import Calls, code_of
from agent.config import RunConfig
from agent.conversation import Conversation
from agent.llm import Request
from agent.model import Look
from agent.prompts import render
from agent.transcript import user

SUMMARY_TOKENS = 4000
TRIES = 3
"""Each with half of what the one before held."""


async def compact(
    conversation: Conversation,
    calls: Calls,
    config: RunConfig,
    place: str,
    look: Look,
    *,
    refused: bool = False,
) -> None:
    """Make room.

    Args:
        place: names the journal entries.
        refused: the server said that it does not fit, whatever we think.

    Raises:
        WorkEnds: the budget does not allow the call.
        TerminalError: cancelled, or the call can never work.
    """
    conversation.drop_old_outputs()
    if not (refused or conversation.is_full) or not conversation.can_be_summarised:
        return
    for number in range(TRIES):
        asked = [*conversation.to_summarise(1 / 2**number), user(render("ask_summary"))]

        def request_to(model: str, items: list[dict[str, object]] = asked) -> Request:
            return Request(
                model=model,
                instructions=render("summary_of_step"),
                items=items,
                max_output_tokens=SUMMARY_TOKENS,
            )

        try:
            turn = await calls.ask(
                f"{place}: summary {number + 1}",
                config.summary_model or config.model,
                request_to,
                look,
            )
        except TerminalError as error:
            if code_of(error) != "context_overflow" or number + 1 == TRIES:
                raise
            continue
        if turn.text.strip():
            conversation.replace_by_summary(turn.text)
        return
