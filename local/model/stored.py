"""Owns answers that are made in the background: stored under their id until somebody deletes them.

An answer is whole from the start; how far it has come is told by the clock.
"""

import time
from dataclasses import dataclass, field

from local.model.refusal import Json, Refusal, require

_PENDING: Json = {"error": None, "incomplete_details": None, "output": [], "usage": None}


@dataclass
class Stored:
    """One answer and when it is made."""

    response: Json
    ready_at: float
    """By the monotonic clock."""
    queued_until: float
    cancelled: bool = False

    def view(self, include: frozenset[str]) -> Json:
        """The response as a request sees it now."""
        now = time.monotonic()
        if self.cancelled or now < self.ready_at:
            status = "queued" if now < self.queued_until else "in_progress"
            pending = {**self.response, **_PENDING}
            return {**pending, "status": "cancelled" if self.cancelled else status}
        if "reasoning.encrypted_content" in include:
            return self.response
        output = [
            {k: v for k, v in item.items() if k != "encrypted_content"}
            for item in self.response["output"]
        ]
        return {**self.response, "output": output}


@dataclass
class Shelf:
    """The stored answers. `seconds` is how long one takes, a third of it in the queue."""

    seconds: float = 0.0
    stored: dict[str, Stored] = field(default_factory=dict)

    def keep(self, response: Json) -> Json:
        """Store an answer that begins now; gives what its creator is told."""
        now = time.monotonic()
        one = Stored(response, now + self.seconds, now + self.seconds / 3)
        self.stored[response["id"]] = one
        return {**response, **_PENDING, "status": "queued"}

    def get(self, answer: str, include: frozenset[str]) -> Json:
        """Raises Refusal."""
        return self._find(answer).view(include)

    def cancel(self, answer: str) -> Json:
        """Cancelled twice is cancelled. Raises Refusal for one that is over."""
        one = self._find(answer)
        over = not one.cancelled and time.monotonic() >= one.ready_at
        require(not over, f"Cannot cancel a {one.response['status']} response.")
        one.cancelled = True
        return one.view(frozenset())

    def delete(self, answer: str) -> Json:
        """Raises Refusal."""
        self._find(answer)
        del self.stored[answer]
        return {"id": answer, "object": "response", "deleted": True}

    def _find(self, answer: str) -> Stored:
        if answer not in self.stored:
            raise Refusal(f"Response with id '{answer}' not found.", 404)
        return self.stored[answer]
