"""One key of a durable object in memory: its handlers run as they are, one after the other, and
what they send is recorded instead of delivered.

For tests of very many calls in any order; what the engine does with them is tested over the real
one. Values pass through JSON as they do there.
"""

import json
from typing import Any, TypeVar, cast

from pydantic import BaseModel
from restate import ObjectContext, ObjectSharedContext

V = TypeVar("V", bound=BaseModel)


class MemoryObject:
    """Args: `written_once` is the prefix of state keys that may never be written again."""

    def __init__(self, key: str, written_once: str) -> None:
        self.state: dict[str, bytes] = {}
        self.sent: list[tuple[str, Any]] = []
        """Name of the handler, and what it was sent."""
        self.cancelled: list[str] = []
        self.reads = 0
        self.clock = 1000.0
        self._key = key
        self._effects: set[tuple[str | None, ...]] = set()
        self._written_once = written_once

    @property
    def context(self) -> ObjectContext:
        return cast(ObjectContext, self)

    @property
    def shared(self) -> ObjectSharedContext:
        return cast(ObjectSharedContext, self)

    def sent_to(self, handler: str) -> list[Any]:
        return [value for name, value in self.sent if name == handler]

    # --- what a handler sees --------------------------------------------------------------------

    def key(self) -> str:
        return self._key

    async def time(self) -> float:
        self.clock += 1.0
        return self.clock

    async def get(self, name: str, type_hint: type[V]) -> V | None:
        self.reads += 1
        stored = self.state.get(name)
        return None if stored is None else type_hint.model_validate_json(stored)

    def set(self, name: str, value: BaseModel) -> None:
        again = name.startswith(self._written_once) and name in self.state
        assert not again, f"{name} is written a second time"
        self.state[name] = value.model_dump_json().encode()

    def clear(self, name: str) -> None:
        self.state.pop(name, None)

    def generic_send(
        self,
        service: str,
        handler: str,
        arg: bytes,
        key: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        effect = (service, key, handler, idempotency_key)
        if idempotency_key is None or effect not in self._effects:
            self.sent.append((f"{service}.{handler}", json.loads(arg)))
            self._effects.add(effect)

    def object_send(self, handler: Any, key: str, arg: Any, send_delay: Any = None) -> None:
        self.sent.append((handler.__name__, arg))

    def service_send(self, handler: Any, arg: Any) -> None:
        self.sent.append((handler.__name__, arg))

    def workflow_send(self, handler: Any, key: str, arg: Any) -> "_Handle":
        self.sent.append((handler.__name__, arg))
        return _Handle(f"inv-{key}")

    def cancel_invocation(self, invocation: str) -> None:
        self.cancelled.append(invocation)


class _Handle:
    def __init__(self, invocation: str) -> None:
        self._invocation = invocation

    async def invocation_id(self) -> str:
        return self._invocation
