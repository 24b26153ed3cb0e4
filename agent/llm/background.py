"""Owns answers that are made in the background: started by one short request, asked for by others.

For reasoning that takes longer than one request may last. The provider stores the answer meanwhile,
so whoever has read it has it dropped. The waiting is durable and not done here: see
`agent/background.py`.
"""

import logging
from typing import Literal

from agent.llm import failures, repairs
from agent.llm.connection import Connection, Endpoint, understood
from agent.llm.responses import to_turn, wire_for
from agent.llm.types import Json, LLMFatal, LLMRetry, Request, Turn, without_reasoning

log = logging.getLogger(__name__)

_PENDING = {"queued", "in_progress"}
_OVER = {"completed", "incomplete", "failed"}
_REASONING = {"include": ["reasoning.encrypted_content"]}


class AnswerLost(LLMRetry):
    """Nothing will come of this answer, but asking anew may work."""


class BackgroundLLM:
    """Each method is one short request; none is tried again here."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._connection = Connection(endpoint)

    async def start(self, req: Request) -> str:
        """Ask for an answer; gives its id. Twice is two answers, both paid for.

        Raises:
            LLMRetry, LLMFatal, LLMContextOverflow: also of an answer that was made, when the
            connection broke before its id came.
        """
        try:
            return await self._start(req)
        except failures.ReasoningRefused:
            items = without_reasoning(req.items)
            if len(items) == len(req.items):
                raise
            log.warning("earlier reasoning refused, asked again without it")
            return await self._start(req.model_copy(update={"items": items}))

    async def poll(self, answer: str) -> Turn | None:
        """The finished answer; None while it is being made.

        Raises:
            AnswerLost: it failed or expired, or somebody cancelled or deleted it.
            LLMRetry, LLMFatal, LLMContextOverflow: as for a streamed answer.
        """
        try:
            response, request_id = await self._connection.json(
                "get", f"/responses/{answer}", options={"params": _REASONING}
            )
        except LLMFatal as error:
            if error.code == "model_or_url":  # 404; it was known when it was started
                raise AnswerLost("The provider does not know the answer any more.") from None
            raise
        with self._connection.told(), understood():
            return _turn(response, request_id)

    async def cancel(self, answer: str) -> None:
        """Stop making it; nothing happens when it is over or gone. Raises LLMRetry, LLMFatal."""
        try:
            await self._unless_gone("post", f"/responses/{answer}/cancel")
        except LLMFatal as error:
            if error.code != "bad_request":  # refused because it is over
                raise

    async def delete(self, answer: str) -> None:
        """Have the provider forget it; nothing happens when it is gone. Raises LLMRetry,
        LLMFatal."""
        await self._unless_gone("delete", f"/responses/{answer}")

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def _start(self, req: Request) -> str:
        body = background_wire(self._connection.endpoint, req)
        response, _ = await self._connection.json("post", "/responses", body=body)
        if not response.get("id"):
            raise LLMFatal(
                "The model's server gave no id for an answer in the background; unset "
                "LLM_BACKGROUND.",
                "model_or_url",
            )
        return str(response["id"])

    async def _unless_gone(self, method: Literal["post", "delete"], path: str) -> None:
        try:
            await self._connection.json(method, path)
        except LLMFatal as error:
            if error.code != "model_or_url":
                raise


def _turn(response: Json, request_id: str | None) -> Turn | None:
    status = response.get("status")
    if status in _PENDING:
        return None
    if status == "cancelled":
        raise AnswerLost("The answer was cancelled at the provider.")
    if status not in _OVER:
        raise LLMFatal(f"The model's server told an unknown status: {status!r}.", "bad_request")
    try:
        turn = to_turn(response, response.get("output") or [], request_id=request_id, ms=0)
    except LLMRetry as error:  # it failed: asking for the same one would never help
        raise AnswerLost(str(error), error.after, limited=error.limited) from None
    return repairs.repaired(turn, [])


def background_wire(at: Endpoint, req: Request) -> Json:
    """The request's body: stored while it is made, because it is asked for by its id."""
    body = wire_for(at, req) | {"background": True, "store": True}
    del body["stream"]
    return body
